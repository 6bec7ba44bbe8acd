# Multinomial logistic regression, fitted by Newton's method with a ridge penalty.
#
# The runner calls fit(X, y; params...) and then predict(model, X) and predict_proba(model, X).
# X has a row for each feature and a column for each sample; y holds the labels.

using LinearAlgebra
using Statistics

struct Classifier
    labels::Vector{String}
    center::Vector{Float64}
    scale::Vector{Float64}
    weights::Matrix{Float64}    # labels × (features + 1), the intercept last
end

"""
    fit(X, y; penalty=1.0, tolerance=1e-8, max_steps=100)

Minimise the negative log-likelihood plus `penalty / 2` times the squared weights, intercepts excepted,
of standardised features (Böhning 1992, "Multinomial logistic regression algorithm").
"""
function fit(X, y; penalty=1.0, tolerance=1e-8, max_steps=100)
    penalty > 0 || throw(ArgumentError("penalty is $penalty, must be greater than 0"))
    labels = sort(unique(y))
    center, scale = vec(mean(X, dims=2)), vec(std(X, dims=2))
    scale[scale .== 0] .= 1.0   # a constant feature tells nothing, but must not become NaN
    Z = design(X, center, scale)
    Y = Float64.(labels .== permutedims(y))
    ridge = vec([feature < size(Z, 1) ? penalty : 1e-8 for _ in labels, feature in axes(Z, 1)])
    loss(W) = -sum(Y .* log.(shares(W, Z))) + sum(ridge .* vec(W) .^ 2) / 2
    W = zeros(length(labels), size(Z, 1))
    for _ in 1:max_steps
        P = shares(W, Z)
        gradient = vec((P - Y) * Z') + ridge .* vec(W)
        norm(gradient, Inf) < tolerance * size(Z, 2) && break
        step = reshape((curvature(P, Z) + Diagonal(ridge)) \ gradient, size(W))
        # Far from the minimum a whole step may overshoot: halve it until the loss falls.
        length_ = 1.0
        while loss(W - length_ * step) > loss(W) && length_ > 1e-6
            length_ /= 2
        end
        W -= length_ * step
    end
    return Classifier(labels, center, scale, W)
end

predict_proba(model::Classifier, X) = shares(model.weights, design(X, model.center, model.scale))

predict(model::Classifier, X) = [model.labels[argmax(p)] for p in eachcol(predict_proba(model, X))]

# Plain loops in what predict needs: as fast as broadcasts and products of matrices for so few labels,
# and compiled in a tenth of their time whenever a worker starts.

"Standardise features and add a row of ones for the intercept."
function design(X, center, scale)
    Z = ones(size(X, 1) + 1, size(X, 2))
    for sample in axes(X, 2), feature in axes(X, 1)
        Z[feature, sample] = (X[feature, sample] - center[feature]) / scale[feature]
    end
    return Z
end

"Softmax of each column of `W * Z`, shifted by its maximum so that exp cannot overflow."
function shares(W, Z)
    P = zeros(size(W, 1), size(Z, 2))
    for sample in axes(Z, 2)
        top = -Inf
        for label in axes(W, 1)
            for feature in axes(W, 2)
                P[label, sample] += W[label, feature] * Z[feature, sample]
            end
            top = max(top, P[label, sample])
        end
        total = 0.0
        for label in axes(W, 1)
            P[label, sample] = exp(P[label, sample] - top)
            total += P[label, sample]
        end
        for label in axes(W, 1)
            P[label, sample] /= total
        end
    end
    return P
end

"The Hessian of the negative log-likelihood: Σ (diag(p) - p pᵀ) ⊗ z zᵀ over the samples."
function curvature(P, Z)
    labels = size(P, 1)
    H = zeros(labels * size(Z, 1), labels * size(Z, 1))
    for (p, z) in zip(eachcol(P), eachcol(Z))
        H .+= kron(z * z', Diagonal(p) - p * p')
    end
    return H
end
