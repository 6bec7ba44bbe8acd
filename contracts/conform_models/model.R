# The conformance kit's models in R (README.md beside this file).

fit <- function(x, y, fail = FALSE) {
  if (fail) stop("the mirror was asked to fail")
  list(total = if (is.numeric(y)) sum(y) else 0)
}

# Show what reached a model: for each row a number that tells one cell.
mirror <- function(model, newdata, mode = "code", at = 0, seconds = 0) {
  column <- newdata[[at + 1]]
  switch(mode,
    code = code(column),
    value = as.double(column),
    total = rep(model$total, length(column)),
    tells = rep(1, length(column)),
    digits = abs(as.double(column)) %% 1000,
    fail = stop("the mirror was asked to fail"),
    poison = if (666 %in% code(column)) stop("the mirror was asked to fail") else code(column),
    short = code(column)[-1],
    strange = rep(1i, length(column)),
    print = {
      cat("the mirror on standard output\n")
      message("the mirror on standard error")
      code(column)
    },
    stdin = rep(as.double(length(readLines(file("stdin")))), length(column)),
    sleep = {
      Sys.sleep(seconds)
      code(column)
    }
  )
}

# Tell the cells of a column by numbers: -1 missing, -2 NaN.
code <- function(column) {
  told <- if (inherits(column, "POSIXct")) {
    round(as.double(column) * 1e6)
  } else if (inherits(column, "Date")) {
    as.double(column) * 86400e6
  } else if (is.factor(column) || is.character(column)) {
    as.double(nchar(as.character(column), type = "bytes", keepNA = TRUE))
  } else {
    as.double(column)
  }
  told[is.na(column)] <- -1
  if (is.double(column)) told[is.nan(column)] <- -2
  told
}

# Classify by the first feature: 0, 1 and 2 are the labels no, maybe and yes.
labels <- function(model, newdata) c("no", "maybe", "yes")[newdata[[1]] + 1]

probabilities <- function(model, newdata) {
  classes <- c("yes", "no", "maybe")
  found <- outer(labels(model, newdata), classes, "==")
  matrix(ifelse(found, 0.5, 0.25), ncol = 3, dimnames = list(NULL, classes))
}

dataset <- function(rows) {
  stopifnot(rows == 3)
  list(x = data.frame(f = c(1.5, NaN, NA), s = c("a", "bb", NA), stringsAsFactors = FALSE), y = c(1, 2, 3))
}
