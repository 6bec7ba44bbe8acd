# The conformance kit's models in Julia (README.md beside this file).

using Dates

struct Mirror
    total::Float64
end

function fit(X, y; fail=false)
    fail && error("the mirror was asked to fail")
    return Mirror(eltype(y) <: Real ? sum(y) : 0.0)
end

"Show what reached a model: for each row a number that tells one cell."
function mirror(model::Mirror, X; mode="code", at=0, seconds=0.0)
    column = X isa AbstractMatrix ? X[at+1, :] : X[at+1]
    mode == "code" && return code.(column)
    mode == "value" && return column
    mode == "total" && return fill(model.total, length(column))
    mode == "tells" && return ones(length(column))
    mode == "digits" && return [Float64(abs(rem(cell, 1000))) for cell in column]
    mode == "fail" && error("the mirror was asked to fail")
    mode == "poison" && return 666.0 in code.(column) ? error("the mirror was asked to fail") : code.(column)
    mode == "short" && return code.(column)[2:end]
    mode == "strange" && return fill(1im, length(column))
    mode == "stdin" && return fill(Float64(length(read(stdin))), length(column))
    if mode == "print"
        println("the mirror on standard output")
        println(stderr, "the mirror on standard error")
    elseif mode == "sleep"
        sleep(seconds)
    end
    return code.(column)
end

"Tell a cell by a number: -1 missing, -2 NaN."
code(::Missing) = -1.0
code(cell::Float64) = isnan(cell) ? -2.0 : cell
code(cell::Real) = Float64(cell)
code(cell::AbstractString) = Float64(sizeof(cell))
code(cell::Date) = code(DateTime(cell))
code(cell::DateTime) = 1000.0 * Dates.value(cell - DateTime(1970))

"Classify by the first feature: 0, 1 and 2 are the labels no, maybe and yes."
labels(model, X) = [("no", "maybe", "yes")[Int(x)+1] for x in X[1, :]]

function probabilities(model, X)
    found = labels(model, X)
    return Dict(label => ifelse.(found .== label, 0.5, 0.25) for label in ("no", "maybe", "yes"))
end

function dataset(; rows)
    @assert rows == 3
    return (f=[1.5, NaN, missing], s=["a", "bb", missing]), [1.0, 2.0, 3.0]
end
