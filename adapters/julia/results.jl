# Read what a model's functions give as predictions, or say what was expected instead (SPEC 5.5).
#
# A classifier knows its labels: the sorted distinct values of the target that it was fitted with.
# A cat target has levels besides, which may be more (a level without rows) and in another order.

"""
    predictions(result, rows, model)

Give the columns of `predict`: labels for a classifier, else values; a NamedTuple is several outputs.

Probabilities of a classifier, in any form that `probabilities` takes, become the most probable label.
"""
function predictions(result, rows, model)
    is_classifier(model) || return values_of(result, rows, model)
    result isa AbstractVector && return [label_column(model, one_each(result, rows, "predict"))]
    shares = probabilities(result, rows, model, "predict")
    return [label_column(model, most_probable(model.labels, shares))]
end

most_probable(labels, shares) = [labels[argmax(share)] for share in eachcol(shares)]

values_of(result::NamedTuple, rows, model) =
    [lend_column(String(name), one_each(items, rows, "predict, $name")) for (name, items) in pairs(result)]

values_of(result, rows, model) = [lend_column(model.target, one_each(result, rows, "predict"))]

one_each(items::AbstractVector, rows, what) = length(items) == rows ? items : refuse_shape(what, items, rows)

# `weights * X` with one row of weights is a 1 × samples matrix, and as good as a vector.
one_each(items::AbstractMatrix, rows, what) = size(items) == (1, rows) ? vec(items) : refuse_shape(what, items, rows)

one_each(items, rows, what) = refuse_shape(what, items, rows)

refuse_shape(what, found, rows) =
    refuse("bad_result", "$what gave $(described(found)), expected a vector with a value for each of $rows samples")

"Give labels as a column of the target's type. Refuses what is none of them."
function label_column(model, found)
    if model.levels === nothing
        known = Dict(label => label for label in model.labels)
        return lend_column(model.target, matched(found, known, missing, model))
    end
    codes = Dict(level => Int32(at - 1) for (at, level) in enumerate(model.levels))
    return store!(Dict{String,Any}("name" => model.target), "cat", matched(found, codes, Int32(-1), model))
end

function matched(found, known::Dict{K,V}, blank, model) where {K,V}
    answers = Vector{Union{V,typeof(blank)}}(undef, length(found))
    for (row, label) in enumerate(found)
        answer = label === missing ? blank : get(known, key_of(K, label), nothing)
        answer === nothing && refuse("bad_result", "predict gave $(repr(label)) for row $(row - 1), which is none of " *
                                     "the labels $(some(something(model.levels, model.labels)))")
        answers[row] = answer
    end
    return answers
end

key_of(::Type{String}, label) = text_of(label)
key_of(::Type, label) = label

text_of(label::String) = label
text_of(label) = string(label)

"""
    probabilities(result, rows, model, what)

Give labels × samples probabilities.

`result` is such a matrix, its rows in the order of the sorted labels, or a NamedTuple or Dict with a
vector for each label. Never guesses at a transposed one.
"""
function probabilities(result::AbstractMatrix{<:Real}, rows, model, what)
    size(result) == (length(model.labels), rows) || refuse_probabilities(what, result, rows, model)
    return convert(Matrix{Float64}, result)
end

function probabilities(result::Union{NamedTuple,AbstractDict}, rows, model, what)
    shares = Matrix{Float64}(undef, length(model.labels), rows)
    by_label = Dict(text_of(label) => share for (label, share) in pairs(result))
    texts = text_of.(model.labels)
    Set(keys(by_label)) == Set(texts) || refuse_probabilities(what, result, rows, model)
    for (at, text) in enumerate(texts)
        share = by_label[text]
        share isa AbstractVector{<:Real} && length(share) == rows || refuse_probabilities(what, result, rows, model)
        shares[at, :] = share
    end
    return shares
end

probabilities(result, rows, model, what) = refuse_probabilities(what, result, rows, model)

refuse_probabilities(what, found, rows, model) = refuse(
    "bad_result",
    "$what gave $(described(found)), expected a $(length(model.labels)) × $rows matrix: a row for each of the " *
    "labels $(some(model.labels)), a column for each sample",
)

"Bring labels × samples into the order of the target's levels; a level without rows has probability 0."
function by_level(shares, model)
    model.levels === nothing && return shares, text_of.(model.labels)
    model.levels == model.labels && return shares, model.levels
    place = Dict(text_of(label) => at for (at, label) in enumerate(model.labels))
    spread = zeros(length(model.levels), size(shares, 2))
    for (at, level) in enumerate(model.levels)
        haskey(place, level) && (spread[at, :] = shares[place[level], :])
    end
    return spread, model.levels
end

described(found::AbstractArray) = "a $(join(size(found), " × ")) $(ndims(found) == 1 ? "vector" : "array") of $(eltype(found))"
described(found::Union{NamedTuple,AbstractDict}) = "a $(nameof(typeof(found))) of $(some(collect(keys(found))))"
described(found) = "a $(typeof(found))"

some(labels) = length(labels) <= 10 ? join(labels, ", ") : join(labels[1:10], ", ") * ", … ($(length(labels)))"
