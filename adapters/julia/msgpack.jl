# Read and write msgpack, as far as the contract uses it: what the adapter's Python side and glue.jl
# tell one another besides buffers (https://github.com/msgpack/msgpack/blob/master/spec.md).

"""
    decode(io)

Read one value: `nothing`, `Bool`, `Int64`, `Float64`, `String`, a `Vector` of the narrowest element
type, or a `Dict{String,Any}`.
"""
function decode(io::IO)
    first = read(io, UInt8)
    first <= 0x7f && return Int64(first)
    first <= 0x8f && return decode_map(io, first & 0x0f)
    first <= 0x9f && return decode_array(io, first & 0x0f)
    first <= 0xbf && return decode_string(io, first & 0x1f)
    first == 0xc0 && return nothing
    first <= 0xc3 && return first == 0xc3
    first >= 0xe0 && return Int64(reinterpret(Int8, first))
    haskey(NUMBERS, first) && return widened(ntoh(read(io, NUMBERS[first])))
    return SIZED[first](io, ntoh(read(io, WIDTHS[first])))
end

widened(number::Integer) = Int64(number)
widened(number::AbstractFloat) = Float64(number)

decode_string(io, size) = String(read(io, size))

decode_array(io, count) = narrow(Any[decode(io) for _ in 1:count])

function decode_map(io, count)
    map = Dict{String,Any}()
    for _ in 1:count
        key = decode(io)::String
        map[key] = decode(io)
    end
    return map
end

"Give numbers one type, `[1, 2.5]` being floats, and anything else the type that its items share."
function narrow(items::Vector)
    numbers = all(item -> item isa Union{Int64,Float64}, items)
    numbers && any(item -> item isa Float64, items) && return Float64.(items)
    return identity.(items)
end

const NUMBERS = Dict{UInt8,DataType}(
    0xca => Float32, 0xcb => Float64,
    0xcc => UInt8, 0xcd => UInt16, 0xce => UInt32, 0xcf => UInt64,
    0xd0 => Int8, 0xd1 => Int16, 0xd2 => Int32, 0xd3 => Int64,
)

"First byte of what tells its size => the reader, and the type of the size."
const SIZED = Dict{UInt8,Function}(
    0xc4 => read, 0xc5 => read, 0xc6 => read,
    0xd9 => decode_string, 0xda => decode_string, 0xdb => decode_string,
    0xdc => decode_array, 0xdd => decode_array, 0xde => decode_map, 0xdf => decode_map,
)
const WIDTHS = Dict{UInt8,DataType}(
    0xc4 => UInt8, 0xc5 => UInt16, 0xc6 => UInt32, 0xd9 => UInt8, 0xda => UInt16, 0xdb => UInt32,
    0xdc => UInt16, 0xdd => UInt32, 0xde => UInt16, 0xdf => UInt32,
)

"Write one value, each in the widest form that its type has: short code rather than short bytes."
encode(io::IO, ::Nothing) = write(io, 0xc0)
encode(io::IO, flag::Bool) = write(io, flag ? 0xc3 : 0xc2)
encode(io::IO, number::Integer) = write(io, 0xd3, hton(Int64(number)))
encode(io::IO, text::String) = write(io, 0xdb, hton(UInt32(sizeof(text))), text)

function encode(io::IO, items::Union{AbstractVector,Tuple})
    write(io, 0xdd, hton(UInt32(length(items))))
    foreach(item -> encode(io, item), items)
end

function encode(io::IO, map::AbstractDict)
    write(io, 0xdf, hton(UInt32(length(map))))
    for (key, value) in map
        encode(io, key)
        encode(io, value)
    end
end
