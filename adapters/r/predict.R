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
            refuse("unsupported", "the model was fitted to numbers, so it has no class probabilities")
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
      prepared <- call_with(c(arguments[setdiff(names(arguments), names(params))], params))
    }
    pick(invoke(prepared, stage), parts)
  }
}

# Give list(labels, probabilities), functions (params), for a classification.
ways_to_ask <- function(stage, script, settings, classes) {
  has <- function(name) exists(name, script, mode = "function", inherits = FALSE)
  given <- as.list(settings[["predict_params"]])
  own <- is.null(settings[["predict"]]) && !has("predict") && is.null(given[["type"]])
  known <- if (own) dialects[intersect(class(stage$model), names(dialects))]
  plain <- asking(stage, script, settings[["predict"]], given)

  named <- settings[["predict_proba"]]
  if (is.null(named) && has("predict_proba")) named <- "predict_proba"
  if (!is.null(named)) {
    own_proba <- asking(stage, script, named, given)
    candidates <- list(function(params) {
      found <- class_matrix(own_proba(params, "posterior"), classes)
      if (is.null(found)) not_probabilities(named, classes)
      found
    })
  } else if (length(known)) {
    by_type <- asking(stage, script, NULL, c(given, known[[1L]]$probabilities))
    candidates <- list(function(params) class_matrix(by_type(params), classes))
  } else {
    by_type <- asking(stage, script, NULL, c(given, list(type = "prob")))
    candidates <- c(
      function(params) class_matrix(plain(params, c("predictions", "posterior")), classes, named = TRUE),
      if (own) {
        function(params) tryCatch(class_matrix(by_type(params), classes), error = function(condition) NULL)
      }
    )
  }
  probabilities <- function(params) {
    for (candidate in candidates) {
      found <- candidate(params)
      if (!is.null(found)) {
        candidates <<- list(candidate)
        return(found)
      }
    }
    refuse(
      "unsupported", "a model of class ", class(stage$model)[1L], " gives no class probabilities: ",
      "name a function that does, as predict_proba in the model's settings"
    )
  }
  labels <- if (length(known) == 0L) {
    function(params) plain(params, c("predictions", "class"))
  } else if (is.null(known[[1L]]$labels)) {
    function(params) largest(probabilities(params), classes)
  } else {
    asking(stage, script, NULL, c(given, known[[1L]]$labels))
  }
  list(labels = labels, probabilities = probabilities)
}

# Pick what is meant from the lists that some packages answer (ranger's $predictions, MASS's $class
# and $posterior), from glmnet's arrays of one layer, from the attribute that e1071's svm() adds.
pick <- function(result, parts) {
  if (is.list(result) && !is.data.frame(result) && !inherits(result, "POSIXlt")) {
    part <- intersect(parts, names(result))
    if (length(part) == 0L) {
      refuse(
        "bad_result", "predict gave a ", class(result)[1L], " of ", paste(names(result), collapse = ", "),
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

not_probabilities <- function(name, classes) {
  refuse(
    "bad_result", name, "() gave no class probabilities: a matrix, or a data.frame with ",
    "check.names = FALSE, whose columns are ", some(classes)
  )
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
    matrix <- class_matrix(found, classes, named = TRUE)
    if (is.null(matrix)) not_probabilities("predict", classes)
    found <- largest(matrix, classes)
  }
  if (is.factor(found) && identical(levels(found), classes)) {
    code <- as.integer(found)
  } else {
    label <- as.character(found)
    code <- match(label, classes)
    lost <- which(is.na(code) & !is.na(label))
    if (length(lost)) {
      refuse("bad_result", "predict gave the label ", label[lost[1L]], " in row ", lost[1L] - 1L, ", none of ", some(classes))
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
