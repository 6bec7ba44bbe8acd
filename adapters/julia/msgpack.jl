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
    0xca <= first <= 0xd3 && return widened(ntoh(read(io, NUMBERS[first-0xc9])))
    first <= 0xc6 && return read(io, read_size(io, first - 0xc4))
    first <= 0xdb && return decode_string(io, read_size(io, first - 0xd9))
    first <= 0xdd && return decode_array(io, read_size(io, first - 0xdb))
    return decode_map(io, read_size(io, first - 0xdd))
end

widened(number::Integer) = number isa UInt64 && number > typemax(Int64) ? number : Int64(number)
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

# Types of the numbers that begin with 0xca and the bytes after it. Here and below no Dicts of types or
# functions: to build them Julia compiles for a third of a second.
const NUMBERS = (Float32, Float64, UInt8, UInt16, UInt32, UInt64, Int8, Int16, Int32, Int64)

"Read a size of 1, 2 or 4 bytes."
function read_size(io, width)
    width == 0 && return Int(read(io, UInt8))
    width == 1 && return Int(ntoh(read(io, UInt16)))
    return Int(ntoh(read(io, UInt32)))
end

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
