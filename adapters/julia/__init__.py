"""Run models written in Julia, inside this process, through libjulia.

bridge      finds Julia, starts it, calls its one function; the only file that knows pyjulia
frames      columns and matrices <-> the addresses of their buffers
adapter     the operations of the contract, and what a Julia script must have
glue.jl     the same operations on Julia's side
errors.jl, msgpack.jl, tables.jl, results.jl, scripts.jl   what glue.jl is made of
"""
