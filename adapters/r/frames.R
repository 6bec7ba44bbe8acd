# Make data frames of plain vectors, and plain vectors of what R gives.

# What each kind of column becomes. f64 comes with NA and NaN told apart, i64 as integer or double,
# bool as integer or double, str as bytes, cat as codes from 1, date as days, datetime as seconds.
converters <- list(
  plain = function(levels, ordered) NULL,
  bool = function(levels, ordered) as.logical,
  str = function(levels, ordered) strings,
  cat = function(levels, ordered) {
    class <- c(if (ordered) "ordered", "factor")
    function(codes) structure(codes, levels = levels, class = class)
  },
  date = function(levels, ordered) function(days) structure(days, class = "Date"),
  datetime = function(levels, ordered) {
    function(seconds) structure(seconds, class = c("POSIXct", "POSIXt"), tzone = "UTC")
  }
)

# Bytes of the strings, each ended by NUL; where they are missing, or NULL.
strings <- function(cells) {
  bytes <- cells[[1L]]
  text <- readBin(bytes, "character", sum(bytes == 0L))
  Encoding(text) <- "UTF-8"
  if (!is.null(cells[[2L]])) is.na(text) <- cells[[2L]]
  text
}

# Give a function (columns, rows) that makes a data.frame of a list of vectors, or of a matrix that
# comes as one vector, column-major. As data.frame() would, but without its checks and copies, which
# every request would pay for, and without changing names.
frame_maker <- function(names, kinds, levels, ordered) {
  convert <- Map(function(kind, ...) converters[[kind]](...), kinds, levels, ordered)
  special <- which(!vapply(convert, is.null, NA))
  function(columns, rows) {
    if (!is.list(columns)) columns <- split_matrix(columns, rows, length(names))
    for (at in special) columns[[at]] <- convert[[at]](columns[[at]])
    row_names <- .set_row_names(rows)
    attributes(columns) <- list(names = names, row.names = row_names, class = "data.frame")
    columns
  }
}

split_matrix <- function(values, rows, width) {
  dim(values) <- c(rows, width)
  lapply(seq_len(width), function(at) values[, at])
}

columns_of <- function(frame) {
  named <- enc2utf8(as.character(names(frame)))
  Map(function(name, column) {
    tryCatch(encode(column), refusal = function(condition) {
      refuse(condition$code, "column '", name, "': ", conditionMessage(condition))
    })
  }, named, as.list(frame))
}

# Give list(type, values, ...) of SPEC 6.3: cat has levels and ordered, str lengths and missing.
encode <- function(x) UseMethod("encode")
encode.logical <- function(x) list("bool", as.logical(x))
encode.integer <- function(x) list("i64", as.integer(x))
encode.double <- function(x) list("f64", as.double(x))
encode.integer64 <- function(x) list("integer64", as.double(unclass(x))) # bit64's, bits of an i64
encode.factor <- function(x) list("cat", as.integer(x), enc2utf8(levels(x)), is.ordered(x))
encode.Date <- function(x) list("date", as.double(x))
encode.POSIXt <- function(x) list("datetime", as.double(as.POSIXct(x)))
encode.character <- function(x) {
  x <- enc2utf8(as.character(x))
  wrong <- which(!validUTF8(x))
  if (length(wrong)) refuse("bad_result", "string in row ", wrong[1L] - 1L, " is no UTF-8")
  gone <- is.na(x)
  x[gone] <- ""
  bytes <- charToRaw(paste(x, collapse = ""))
  list("str", bytes, nchar(x, "bytes"), if (any(gone)) gone else logical())
}
encode.matrix <- function(x) refuse("bad_result", "a matrix is no column")
encode.AsIs <- function(x) { # I(x) is x, but for data.frame()
  class(x) <- setdiff(oldClass(x), "AsIs")
  encode(x)
}
encode.default <- function(x) {
  if (is.object(x) && is.numeric(x) && is.null(dim(x))) {
    return(encode(as.vector(unclass(x)))) # labelled, ts, …: numbers with remarks
  }
  refuse(
    "bad_result", "values of class ", class(x)[1L], " cannot travel: convert them with ",
    if (is.list(x)) "unlist()" else "as.numeric(), as.character() or factor()"
  )
}
