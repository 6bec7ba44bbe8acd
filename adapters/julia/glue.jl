# Fit, predict, persist and load the user's model: Julia's side of the adapter.
#
# Python calls one C function, `answer`, with a msgpack map that names an operation, and gets one back.
# Bulk data travel beside it, as addresses. Python's buffers live for the call, Julia's until the next.

module RunnerGlue

# Most of this runs once; what runs for every row is bound by memory. So compile fast, not well.
Base.Experimental.@optlevel 1

using Dates
using Serialization

include("errors.jl")
include("msgpack.jl")
include("tables.jl")
include("results.jl")
include("scripts.jl")

"The model that is held, and what is needed to call it and to read its answers."
struct Model
    script::Script
    settings::Dict{String,Any}      # what the user wrote under `model:`
    functions::Dict{String,Any}     # predict, predict_proba => the user's function, or nothing
    target::String
    levels::Union{Nothing,Vector{String}}   # of a cat target
    labels::Vector                  # sorted distinct values of a classifier's target, else empty
    fitted::Any                     # what the user's fit gave
end

is_classifier(model) = !isempty(model.labels)

const MODEL = Ref{Union{Nothing,Model}}(nothing)

# --- Operations -----------------------------------------------------------------------------------

"""
Fit: `fit(X, y; params...)` gives the model. `X` and `y` are copies, which the model may keep.

A target of labels, or a `predict_proba`, makes it a classification.
"""
function fit(request)
    settings, target = request["model"], request["target"]
    script = evaluate(:RunnerModel, settings["script"])
    functions = prediction_functions(script, settings)
    train = required(script, get(settings, "fit", "fit"))
    X = features(request["table"], true)
    y = vector(target, request["table"]["rows"], true)
    classifies = target["type"] in ("cat", "str", "bool") || functions["predict_proba"] !== nothing
    labels = classifies ? sort(unique(skipmissing(y))) : []
    fitted = guarded(() -> call(train, X, y; with=keywords(settings, "params")), "fit_failed")
    MODEL[] = Model(script, settings, functions, target["name"], target["levels"], labels, fitted)
    return Dict{String,Any}("task" => classifies ? "classification" : "regression")
end

keywords(settings, key)::Dict{String,Any} = get(settings, key, Dict{String,Any}())

function prediction_functions(script, settings)
    functions = Dict{String,Any}()
    for method in ("predict", "predict_proba")
        functions[method] = haskey(settings, method) ? required(script, settings[method]) : lookup(script, method)
    end
    functions["predict"] === functions["predict_proba"] === nothing &&
        refuse("bad_model", "$(basename(script.path)) has neither a function predict nor predict_proba")
    return functions
end

"""
Predict: `predict(model, X)` or `predict_proba(model, X)`. `X` is Python's memory and must not be kept.
"""
function predict(request)
    model, method, rows = MODEL[], request["method"], request["table"]["rows"]
    X = features(request["table"], false)
    with = merge(keywords(model.settings, "predict_params"), request["params"])
    method == "predict_proba" && return predict_proba(model, X, rows, with)
    f = something(model.functions["predict"], model.functions["predict_proba"])
    result = guarded(() -> call(f, model.fitted, X; with=with), "predict_failed")
    return Dict{String,Any}("columns" => read_result(() -> predictions(result, rows, model)))
end

function predict_proba(model, X, rows, with)
    has_none = "$(basename(model.script.path)) has no function predict_proba"
    is_classifier(model) || refuse("unsupported", has_none)
    f = something(model.functions["predict_proba"], model.functions["predict"])
    result = guarded(() -> call(f, model.fitted, X; with=with), "predict_failed")
    f === model.functions["predict"] && result isa AbstractVector && refuse("unsupported", has_none)
    shares, names = read_result(() -> by_level(probabilities(result, rows, model, "predict_proba"), model))
    return Dict{String,Any}("matrix" => lend(shares), "names" => names)
end

# A result may be a lazy array, whose elements are computed, and fail, when they are read.
read_result(read) = guarded(read, "bad_result")

"Persist: the model in Julia's Serialization, and the texts of its script."
function persist(request)
    model = MODEL[]
    bytes = IOBuffer()
    guarded(() -> Base.invokelatest(serialize, bytes, (model.labels, model.fitted)), "persist_failed")
    return Dict{String,Any}("body" => lend(take!(bytes)), "files" => model.script.files)
end

"Load what `persist` gave: the script first, whose types the model is made of."
function load(request)
    settings, target = request["model"], request["target"]
    files = convert(Dict{String,String}, request["files"])
    script = evaluate(:RunnerModel, settings["script"], files, "load_failed")
    functions = prediction_functions(script, settings)
    address, size = request["body"]
    labels, fitted = guarded("load_failed") do
        Base.invokelatest(deserialize, IOBuffer(lent(UInt8, address, size)))
    end
    MODEL[] = Model(script, settings, functions, target["name"], target["levels"], labels, fitted)
    return Dict{String,Any}()
end

"""
Read: call a function of a script, which gives `(X, y)`.

`X` is a table of vectors (a NamedTuple, or anything else with property names, such as a DataFrame), or
`(matrix, names)` with a features × samples matrix. Strings are str, Symbols are cat.
"""
function read_source(request)
    source = request["source"]
    script = evaluate(:RunnerData, source["script"])
    f = required(script, source["function"])
    given = guarded(() -> call(f; with=source["params"]), "read_failed")
    return guarded("read_failed") do
        given isa Tuple{Any,Any} || refuse("bad_result", "$(source["function"]) gave $(described(given)), expected (X, y)")
        X, y = given
        columns = [lend_source(name, items) for (name, items) in named_columns(X)]
        return Dict{String,Any}("rows" => length(y), "columns" => columns, "target" => lend_source("target", y, true))
    end
end

named_columns(X::Tuple{AbstractMatrix,Any}) = [String(name) => row for (name, row) in zip(X[2], eachrow(X[1]))]
named_columns(X::AbstractDict) = sort!([String(name) => items for (name, items) in X])
named_columns(X) = [String(name) => Base.invokelatest(getproperty, X, name) for name in Base.invokelatest(propertynames, X)]

"Packages: those that model code has loaded, with their versions where they tell one; Julia's own not."
function packages(request)
    found = Dict{String,Any}()
    for (id, mod) in Base.loaded_modules
        file = id.uuid === nothing ? nothing : Base.invokelatest(pathof, mod)
        (file === nothing || startswith(file, Sys.STDLIB)) && continue
        project = joinpath(dirname(dirname(file)), "Project.toml")
        version = isfile(project) ? match(r"^version *= *\"(.*)\""m, read(project, String)) : nothing
        version === nothing || (found[id.name] = String(version[1]))
    end
    return found
end

"Lend a column of a source. Labels of a target are cat, with sorted levels."
function lend_source(name, items, is_target=false)
    kind = nonmissingtype(eltype(items))
    (kind <: Symbol || is_target && kind <: AbstractString) || return lend_column(name, items)
    levels = sort(unique(string.(skipmissing(items))))
    code = Dict(level => Int32(at - 1) for (at, level) in enumerate(levels))
    column = Dict{String,Any}("name" => name, "levels" => levels)
    return store!(column, "cat", Int32[ismissing(item) ? -1 : code[string(item)] for item in items])
    return column
end

"Blank: a model of no use with these labels, as `persist` would give it, for a rehearsal of `load`."
function blank(request)
    bytes = IOBuffer()
    serialize(bytes, (request["labels"], nothing))
    return Dict{String,Any}("body" => lend(take!(bytes)))
end

"Forget the model that is held, and that there was a script at `folder`."
function forget(request)
    MODEL[] = nothing
    filter!(!=(request["folder"]), LOAD_PATH)
    return Dict{String,Any}()
end

# --- The way in from Python -----------------------------------------------------------------------

const OPERATIONS = (fit=fit, predict=predict, persist=persist, load=load, read=read_source, packages=packages,
    blank=blank, forget=forget)

const REPLY = Ref(UInt8[])

"""
    answer(request, size, reply)

Run one operation. Gives the reply's size, and its address at `reply`; never throws, for there is no
one above to catch it.
"""
function answer(request::Ptr{UInt8}, size::Csize_t, reply::Ptr{Ptr{UInt8}})::Csize_t
    empty!(KEPT)
    REPLY[] = try
        asked = decode(IOBuffer(unsafe_wrap(Array, request, size)))
        encoded(Dict{String,Any}("ok" => getfield(OPERATIONS, Symbol(asked["op"]))(asked)))
    catch error
        error isa Refusal || (error = refusal("internal", error, catch_backtrace()))
        encoded(Dict{String,Any}("code" => error.code, "message" => error.message, "trace" => error.trace))
    end
    flush_output()
    unsafe_store!(reply, pointer(REPLY[]))
    return sizeof(REPLY[])
end

"Write out what model code has printed, which Julia buffers where output goes to a file."
function flush_output()
    try
        foreach(flush, (stdout, stderr))
    catch # model code may have closed or redirected them
    end
end

function encoded(reply)
    bytes = IOBuffer()
    encode(bytes, reply)
    return take!(bytes)
end

"Give the address of `answer` as a C function."
entry() = UInt64(@cfunction(answer, Csize_t, (Ptr{UInt8}, Csize_t, Ptr{Ptr{UInt8}})))

end
