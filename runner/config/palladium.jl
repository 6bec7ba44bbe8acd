# Fit and predict with functions of installed modules, as palladium.julia.ClassificationModel does.

import Serialization

"What was fitted, in Serialization's bytes: its types are known only when its module is imported."
struct Fitted
    bytes::Vector{UInt8}
    fit_func::String
    predict_func::String
    predict_kwargs::Dict{String,Any}
    labels::Union{Nothing,Vector}
end

const READ = IdDict{Fitted,Any}()

"Give the function of a dotted name, its module imported: `Package.f`, `Package.Sub.f`."
function imported(name)
    parts = Symbol.(split(name, '.'))
    Core.eval(Main, :(import $(parts[1])))
    found = Main
    for part in parts
        found = Base.invokelatest(getfield, found, part)
    end
    return found
end

symbols(with) = [Symbol(name) => value for (name, value) in with]

# Codes from 0 on, as scikit-learn's LabelEncoder gives them.
codes(y, labels) = Int64[findfirst(isequal(label), labels) - 1 for label in y]

function fit(X, y; fit_func, predict_func, fit_kwargs=Dict(), predict_kwargs=Dict(), encode_labels=false)
    labels = encode_labels ? sort(unique(y)) : nothing
    target = labels === nothing ? y : codes(y, labels)
    train = imported(fit_func)
    imported(predict_func)
    fitted = Base.invokelatest(train, X, target; symbols(fit_kwargs)...)
    bytes = IOBuffer()
    Base.invokelatest(Serialization.serialize, bytes, fitted)
    return Fitted(take!(bytes), fit_func, predict_func, Dict{String,Any}(predict_kwargs), labels)
end

function predict(model::Fitted, X; params...)
    apply = imported(model.predict_func)
    fitted = get!(READ, model) do
        imported(model.fit_func)
        Base.invokelatest(Serialization.deserialize, IOBuffer(model.bytes))
    end
    found = Base.invokelatest(apply, fitted, X; symbols(model.predict_kwargs)..., params...)
    model.labels === nothing && return found
    return [model.labels[round(Int, code)+1] for code in vec(found)]
end
