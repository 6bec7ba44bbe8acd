# Make Julia's vectors of the buffers that Python lends, and lend buffers of Julia's vectors (SPEC 6).
#
# A column, as Python describes it: name, type, and the addresses of its buffers. What stands at them
# belongs to Python and lives for one call only.

"How a type's values lie in their buffer; cat has codes into its levels, str has offsets (SPEC 6.3)."
const STORED = (f64=Float64, i64=Int64, bool=Bool, cat=Int32, date=Int32, datetime=Int64)

stored(column) = getfield(STORED, Symbol(column["type"]))

"See `count` values at an address as a vector, without a copy."
lent(::Type{T}, address, count) where {T} =
    count == 0 ? T[] : unsafe_wrap(Array, Ptr{T}(UInt(address)), count)

"Bytes up to which features are copied even where they need not be: it costs nothing."
const SMALL = 65_536

"""
    features(table, owned) -> Matrix{Float64} or NamedTuple

Give what a model sees as `X`: a features × samples matrix, or a NamedTuple of vectors.

Rows × features of Python's row-major matrix are features × samples in Julia, byte for byte. With
`owned` the data are copied, so that a model may keep them (nearest neighbours do).
"""
function features(table::Dict, owned::Bool)
    rows = table["rows"]
    width = haskey(table, "matrix") ? table["width"] : length(table["columns"])
    owned |= 8 * width * rows <= SMALL
    haskey(table, "matrix") && return lent_matrix(table["matrix"], width, rows, owned)
    table["as_matrix"] && return stacked(table["columns"], rows)
    return named_vectors(table["columns"], rows, owned)
end

function lent_matrix(address, width, rows, owned)
    width * rows == 0 && return Matrix{Float64}(undef, width, rows)
    matrix = unsafe_wrap(Array, Ptr{Float64}(UInt(address)), (width, rows))
    return owned ? copy(matrix) : matrix
end

function stacked(columns, rows)
    matrix = Matrix{Float64}(undef, length(columns), rows)
    for (at, column) in enumerate(columns)
        fill_row!(matrix, at, lent(stored(column), column["values"], rows), column)
    end
    return matrix
end

function fill_row!(matrix, at, items, column)
    for (row, item) in enumerate(items)
        if item isa Int64 && !(-2^53 <= item <= 2^53)
            refuse("unrepresentable", "column $(repr(column["name"])): $item in row $(row - 1) is beyond ±2^53, " *
                   "the limit of exact integers in a Float64 matrix")
        end
        matrix[at, row] = item
    end
end

function named_vectors(columns, rows, owned)
    names = Tuple(Symbol(column["name"]) for column in columns)
    vectors = Any[vector(column, rows, owned) for column in columns]
    # PERF: NamedTuple's constructor is compiled in quadratic time: 7 s for 1000 columns, this none.
    type = NamedTuple{names,Tuple{map(typeof, vectors)...}}
    return ccall(:jl_new_structv, Any, (Any, Ptr{Any}, UInt32), type, vectors, length(vectors))
end

"""
    vector(column, rows, owned)

Give a column as a `Vector{T}`, or as a `Vector{Union{Missing,T}}` if it may have missing values.

`T` is Float64, Int64, Bool, String (str and cat), Date or DateTime. Refuses a datetime finer than
Julia's milliseconds (SPEC 6.9).
"""
function vector(column::Dict, rows::Int64, owned::Bool)
    items = read_items(Val(Symbol(column["type"])), column, rows)
    column["nullable"] && !(Missing <: eltype(items)) && return allow_missing(items)
    return owned ? copy(items) : items
end

allow_missing(items::Vector{T}) where {T} = convert(Vector{Union{Missing,T}}, items)

read_items(::Val, column, rows) =
    with_missing(lent(stored(column), column["values"], rows), column)

read_items(::Val{:date}, column, rows) =
    with_missing(Date(1970) .+ Day.(lent(Int32, column["values"], rows)), column)

function read_items(::Val{:datetime}, column, rows)
    micros = lent(Int64, column["values"], rows)
    for row in 1:rows
        if micros[row] % 1000 != 0 && is_present(column, row)
            refuse("unrepresentable", "column $(repr(column["name"])): $(micros[row]) microseconds in row " *
                   "$(row - 1) are finer than the milliseconds of Julia's DateTime")
        end
    end
    return with_missing(DateTime(1970) .+ Millisecond.(micros .÷ 1000), column)
end

function read_items(::Val{:str}, column, rows)
    start = Ptr{UInt8}(UInt(column["values"]))
    ends = lent(UInt32, column["offsets"], rows + 1)
    items = [unsafe_string(start + ends[row], ends[row+1] - ends[row]) for row in 1:rows]
    return with_missing(items, column)
end

function read_items(::Val{:cat}, column, rows)
    codes = lent(Int32, column["values"], rows)
    levels = convert(Vector{String}, column["levels"])
    any(<(0), codes) || return String[levels[code+1] for code in codes]
    return Union{Missing,String}[code < 0 ? missing : levels[code+1] for code in codes]
end

"Put missing where nothing is present (SPEC 6.6)."
function with_missing(items::Vector{T}, column) where {T}
    column["present"] === nothing && return items
    present = lent(Bool, column["present"], length(items))
    return Union{Missing,T}[here ? item : missing for (item, here) in zip(items, present)]
end

is_present(column, row) =
    column["present"] === nothing || unsafe_load(Ptr{UInt8}(UInt(column["present"])), row) == 1

# --- Julia's vectors to buffers -------------------------------------------------------------------

"What the last reply lends to Python: kept from the collector until the next call."
const KEPT = Any[]

function lend(buffer)
    push!(KEPT, buffer)
    return (Int64(UInt(pointer(buffer))), sizeof(buffer))
end

"""
    lend_column(name, items)

Describe a vector to Python: its type in the contract and where its buffers lie.

Refuses with `bad_result` what no type of SPEC 6.3 can hold.
"""
function lend_column(name::String, items::AbstractVector)
    isconcretetype(nonmissingtype(eltype(items))) || (items = tightened(items))
    column = Dict{String,Any}("name" => name)
    gone = Missing <: eltype(items) && any(ismissing, items)
    gone && (column["present"] = lend(UInt8[!ismissing(item) for item in items]))
    try
        return store!(column, nonmissingtype(eltype(items)), items)
    catch error
        error isa InexactError || rethrow()
        refuse("bad_result", "column $(repr(name)) has a number that neither f64 nor i64 holds: $(error.val)")
    end
end

"Give a vector of Any, or of some abstract type, the types that its items have."
tightened(items) = convert(Vector{Union{unique(map(typeof, items))...}}, items)

function store!(column, type::String, values::Vector)
    column["type"] = type
    column["values"] = lend(values)
    return column
end

filled(::Type{T}, items, blank) where {T} = T[ismissing(item) ? blank : item for item in items]

# A vector of nothing but missing, and an empty one of no type, are of the first type that takes them.
store!(column, ::Type{Union{}}, items) = store!(column, "f64", zeros(length(items)))
store!(column, ::Type{<:Real}, items) = store!(column, "f64", filled(Float64, items, NaN))
store!(column, ::Type{<:Integer}, items) = store!(column, "i64", filled(Int64, items, 0))
store!(column, ::Type{Bool}, items) = store!(column, "bool", filled(Bool, items, false))

store!(column, ::Type{Date}, items) =
    store!(column, "date", Int32[ismissing(item) ? 0 : Dates.value(item - Date(1970)) for item in items])

store!(column, ::Type{DateTime}, items) =
    store!(column, "datetime", Int64[ismissing(item) ? 0 : 1000 * Dates.value(item - DateTime(1970)) for item in items])

function store!(column, ::Type{<:Union{AbstractString,Symbol}}, items)
    bytes = IOBuffer()
    ends = UInt32[0]
    for (row, item) in enumerate(items)
        if !ismissing(item)
            text = string(item)
            isvalid(text) || refuse("bad_result", "column $(repr(column["name"])): the text in row $(row - 1) is no UTF-8")
            write(bytes, text)
        end
        push!(ends, position(bytes))
    end
    column["offsets"] = lend(ends)
    store!(column, "str", take!(bytes))
end

function store!(column, ::Type{T}, items) where {T}
    isempty(items) && return store!(column, "f64", Float64[])
    refuse("bad_result", "column $(repr(column["name"])) has values of type $T, which has no type in the contract")
end
