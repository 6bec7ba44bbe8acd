# Call a model's predict, and make labels, class probabilities or columns of what it gives.

# How to ask a model's predict() for labels and for probabilities, where it is neither
# predict(model, newdata) nor type = "prob". NULL labels: those of the largest probabilities.
dialects <- list(
  cv.glmnet = list(labels = list(type = "class"), probabilities = list(type = "response")),
  glm = list(labels = NULL, probabilities = list(type = "response")), # mgcv's gam is one
  glmnet = list(labels = list(type = "class"), probabilities = list(type = "response")),
  multinom = list(labels = list(type = "class"), probabilities = list(type = "probs")),
  naiveBayes = list(labels = list(type = "class"), probabilities = list(type = "raw")),
  nnet = list(labels = list(type = "class"), probabilities = list(type = "raw")),
  rpart = list(labels = list(type = "class"), probabilities = list(type = "prob")),
  svm = list(labels = list(), probabilities = list(probability = TRUE))
)

# Hold a model ready: list(predict, predict_proba), functions (columns, rows, params).
#
# settings: predict, predict_proba, predict_params as the user wrote them. target: name, type and
# classes, the labels in order, NULL for a regression. Calls are put together here, once.
predictor <- function(script, model, settings, frame, target) {
  guarded({
    stage <- new.env(parent = script)
    stage$model <- model
    as_matrix <- inherits(model, c("glmnet", "cv.glmnet")) && is.null(settings[["predict"]])
    place <- function(columns, rows) {
      newdata <- frame(columns, rows)
      stage$newdata <- if (as_matrix) as.matrix(newdata) else newdata
    }
    asks <- if (is.null(target$classes)) {
      list(columns = asking(stage, script, settings[["predict"]], settings[["predict_params"]]))
    } else {
      ways_to_ask(stage, script, settings, target$classes)
    }
    list(
      predict = function(columns, rows, params) {
        guarded({
          place(columns, rows)
          if (is.null(asks$labels)) {
            encode_columns(asks$columns(params), target)
          } else {
            list(encode_labels(asks$labels(params), target))
          }
        })
      },
      predict_proba = function(columns, rows, params) {
        guarded({
          if (is.null(asks$probabilities)) {
            refuse("unsupported", "a model fitted to numbers has no class probabilities")
          }
          place(columns, rows)
          as.double(asks$probabilities(params))
        })
      }
    )
  })
}

# Give a function (params, parts) that calls predict, or the function that the user named.
asking <- function(stage, script, name, arguments) {
  by <- function_named(script, if (is.null(name)) "predict" else name)
  call_with <- function(arguments) as.call(c(by, quote(model), quote(newdata), arguments))
  prepared <- call_with(arguments)
  function(params, parts = "predictions") {
    if (length(params)) {
      prepared <- call_with(merged(arguments, params))
    }
    pick(invoke(prepared, stage), parts)
  }
}

# Give list(labels, probabilities), functions (params), for a classification.
ways_to_ask <- function(stage, script, settings, classes) {
  has <- function(name) exists(name, script, mode = "function", inherits = FALSE)
  given <- settings[["predict_params"]]
  own <- is.null(settings[["predict"]]) && !has("predict")
  known <- intersect(class(stage$model), names(dialects))
  dialect <- if (own && length(known)) dialects[[known[1L]]]
  named <- settings[["predict_proba"]]
  if (is.null(named) && has("predict_proba")) named <- "predict_proba"

  plain <- asking(stage, script, settings[["predict"]], given)
  by_type <- function(arguments) asking(stage, script, NULL, merged(given, arguments))
  candidates <- if (!is.null(named)) {
    ask <- asking(stage, script, named, given)
    list(function(params) demand_matrix(ask(params, "posterior"), classes, named))
  } else if (!is.null(dialect)) {
    ask <- by_type(dialect$probabilities)
    list(function(params) class_matrix(ask(params), classes))
  } else {
    ask <- by_type(list(type = "prob"))
    c(
      function(params) {
        class_matrix(plain(params, c("predictions", "posterior")), classes, named = TRUE)
      },
      if (own) {
        function(params) {
          tryCatch(class_matrix(ask(params), classes), error = function(condition) NULL)
        }
      }
    )
  }
  probabilities <- first_that_answers(candidates, class(stage$model)[1L])
  labels <- if (is.null(dialect)) {
    function(params) plain(params, c("predictions", "class"))
  } else if (is.null(dialect$labels)) {
    function(params) largest(probabilities(params), classes)
  } else {
    asking(stage, script, NULL, merged(dialect$labels, given))
  }
  list(labels = labels, probabilities = probabilities)
}

merged <- function(arguments, more) c(arguments[setdiff(names(arguments), names(more))], more)

# Try ways to get probabilities in order, and stay with the one that gave some.
first_that_answers <- function(candidates, class) {
  function(params) {
    for (candidate in candidates) {
      found <- candidate(params)
      if (!is.null(found)) {
        candidates <<- list(candidate)
        return(found)
      }
    }
    refuse(
      "unsupported", "a model of class ", class, " gives no class probabilities: ",
      "name a function that does, as predict_proba in the model's settings"
    )
  }
}

# Pick what is meant from the lists that some packages answer (ranger's $predictions, MASS's $class
# and $posterior), from glmnet's arrays of one layer, from the attribute that e1071's svm() adds.
pick <- function(result, parts) {
  if (is.list(result) && !is.data.frame(result) && !inherits(result, "POSIXlt")) {
    part <- intersect(parts, names(result))
    if (length(part) == 0L) {
      found <- paste(names(result), collapse = ", ")
      refuse(
        "bad_result", "predict gave a ", class(result)[1L], " of ", found,
        ": name a function that picks what is meant, as predict in the model's settings"
      )
    }
    result <- result[[part[1L]]]
  }
  if (length(dim(result)) == 3L && dim(result)[3L] == 1L) {
    result <- array(result, dim(result)[1:2], dimnames(result)[1:2])
  }
  if (is.null(attr(result, "probabilities"))) result else attr(result, "probabilities")
}

# Bring class probabilities into one column a class, in the classes' order; NULL if there are none.
# A single column is the probability of the second class of two, as since glm(), unless the
# columns must be `named`.
class_matrix <- function(result, classes, named = FALSE) {
  if (is.data.frame(result)) result <- as.matrix(result)
  if (!is.numeric(result)) {
    return(NULL)
  }
  if (length(dim(result)) < 2L || ncol(result) == 1L) {
    second <- as.double(result)
    return(if (!named && length(classes) == 2L) cbind(1 - second, second))
  }
  given <- colnames(result)
  if (identical(given, classes)) {
    return(result)
  }
  given <- sub("^\\.pred_", "", given) # as tidymodels name them
  if (length(given) == 0L || anyDuplicated(given) || !all(given %in% classes)) {
    return(NULL)
  }
  at <- match(classes, given)
  ordered <- result[, at, drop = FALSE]
  ordered[, is.na(at)] <- 0 # a class without rows in the fit, which some packages drop
  ordered
}

demand_matrix <- function(result, classes, name, ...) {
  found <- class_matrix(result, classes, ...)
  if (is.null(found)) {
    refuse(
      "bad_result", name, "() gave no class probabilities: a matrix, or a data.frame with ",
      "check.names = FALSE, whose columns are ", some(classes)
    )
  }
  found
}

largest <- function(probabilities, classes) {
  code <- max.col(probabilities, "first")
  code[is.na(rowSums(probabilities))] <- NA
  structure(code, levels = classes, class = "factor")
}

# Give labels in the type of the target. A factor with the target's own levels, which is what most
# models give, travels as codes: strings are slow to pass, and Python knows the levels.
encode_labels <- function(found, target) {
  classes <- target$classes
  if (is.data.frame(found) && length(found) == 1L) found <- found[[1L]]
  if (is.data.frame(found) || is.numeric(found)) {
    found <- largest(demand_matrix(found, classes, "predict", named = TRUE), classes)
  }
  if (is.factor(found) && identical(levels(found), classes)) {
    code <- as.integer(found)
  } else {
    label <- as.character(found)
    code <- match(label, classes)
    lost <- which(is.na(code) & !is.na(label))
    if (length(lost)) {
      where <- paste0(label[lost[1L]], " in row ", lost[1L] - 1L)
      refuse("bad_result", "predict gave the label ", where, ", none of ", some(classes))
    }
  }
  switch(target$type,
    cat = list("code", code),
    bool = list("bool", as.logical(classes)[code]),
    encode(classes[code])
  )
}

# Give the columns that a regression predicts: one, named as the target, or several.
encode_columns <- function(found, target) {
  if (length(dim(found)) == 2L && ncol(found) > 1L) {
    if (is.null(colnames(found))) colnames(found) <- seq_len(ncol(found))
    return(columns_of(as.data.frame(found, optional = TRUE, stringsAsFactors = FALSE)))
  }
  if (is.data.frame(found)) found <- found[[1L]]
  list(encode(if (is.null(dim(found))) found else as.vector(found)))
}

some <- function(labels) {
  shown <- paste(encodeString(utils::head(labels, 10L), quote = "'"), collapse = ", ")
  if (length(labels) > 10L) paste0(shown, ", ... (", length(labels), " classes)") else shown
}
