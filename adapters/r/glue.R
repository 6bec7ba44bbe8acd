# Fit, read, persist and restore, as Python asks for them.
#
# Data reach model code as symbols of a "stage", an environment below that of the script, never
# inlined into a call: match.call() and sys.call() stay readable.

# Call fit(x, y, ...) of the script: whatever it gives is the model, here in a list, since NULL is a
# failure.
fit <- function(script, name, params, x, y) {
  guarded({
    stage <- new.env(parent = script)
    stage$x <- x
    stage$y <- y
    call <- as.call(c(function_named(script, name), quote(x), quote(y), params))
    list(invoke(call, stage))
  })
}

# Call a function of the script that gives features and target: list(x =, y =), or a data.frame one
# of whose columns the param `target_column` names.
read <- function(script, name, params) {
  guarded({
    symbol <- function_named(script, name)
    target <- params[["target_column"]]
    if (!"target_column" %in% names(formals(get(name, script, mode = "function")))) {
      params[["target_column"]] <- NULL
    }
    features_and_target(invoke(as.call(c(symbol, params)), script), name, target)
  })
}

# list(x, y, name of the target, and both as `encode` gives them).
features_and_target <- function(data, name, target) {
  fail <- function(...) refuse("read_failed", name, "() gave ", ...)
  if (is.data.frame(data)) {
    if (is.null(target)) {
      fail("a data.frame: name its target with the param target_column, or give list(x = , y = )")
    }
    if (!target %in% names(data)) {
      fail("no column ", target, ", but ", paste(names(data), collapse = ", "))
    }
    data <- as.data.frame(data) # of a tibble or data.table
    data <- list(data[names(data) != target], data[[target]])
  } else if (is.list(data) && length(data) == 2L) {
    if (!is.null(names(data))) data <- data[c("x", "y")]
    if (is.null(target)) target <- "target"
  }
  if (!is.list(data) || length(data) != 2L || is.null(data[[1L]]) || is.null(data[[2L]])) {
    fail("a ", class(data)[1L], ", expected list(x = , y = ) or a data.frame")
  }
  x <- as.data.frame(data[[1L]], optional = TRUE, stringsAsFactors = FALSE)
  y <- data[[2L]]
  if (is.character(y)) y <- factor(y, sort(unique(y), method = "radix"))
  if (nrow(x) != length(y)) {
    fail(nrow(x), " rows of features and ", length(y), " values of the target")
  }
  rownames(x) <- NULL
  list(x, y, target, columns_of(x), encode(y))
}

# xdr = FALSE: little-endian, as nearly all machines are; R reads either everywhere.
persist <- function(model) guarded(serialize(model, NULL, xdr = FALSE))

# The packages of the fit come first: `package::f(...)` in a script has loaded them then, and what
# brings in a model's predict method now?
restore <- function(bytes, packages) {
  guarded({
    for (name in packages) {
      if (!requireNamespace(name, quietly = TRUE)) {
        message("package ", name, ", which was loaded when the model was fitted, is not installed")
      }
    }
    unserialize(bytes)
  })
}

# list(version of R, packages that are loaded and not R's own, their versions).
runtime <- function() {
  guarded({
    loaded <- setdiff(loadedNamespaces(), "base")
    descriptions <- lapply(loaded, utils::packageDescription, fields = c("Priority", "Version"))
    own <- vapply(descriptions, function(found) found$Priority %in% "base", NA)
    versions <- vapply(descriptions[!own], function(found) found$Version, "")
    list(as.character(getRversion()), loaded[!own], versions)
  })
}

# Warnings at once and to standard error; plots to nowhere rather than to Rplots.pdf.
options(warn = 1L, keep.source = TRUE, device = function(...) grDevices::pdf(NULL))
