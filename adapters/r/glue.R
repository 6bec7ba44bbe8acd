# Evaluate scripts, call their functions, and tell what went wrong in them.
#
# Functions that Python calls end in `guarded()`: they give NULL when they fail, and leave code,
# message and traceback in `failure`. Data reach model code as symbols of a "stage" (an environment
# below that of the script), never inlined into a call: match.call() and sys.call() stay readable.

failure <- new.env()

guarded <- function(expr) {
  tryCatch(
    withCallingHandlers(expr, error = function(condition) failure$calls <- sys.calls()),
    error = function(condition) {
      frames <- user_frames(failure$calls)
      at <- location(frames)
      failure$calls <- NULL
      failure$code <- if (inherits(condition, "refusal")) condition$code else ""
      said <- enc2utf8(conditionMessage(condition))
      failure$message <- paste0(said, if (nzchar(at)) paste0(" (", at, ")"))
      failure$traceback <- narrate(condition, said, frames)
      NULL
    }
  )
}

# Stop with an error code of the contract (SPEC 7.2).
refuse <- function(code, ...) {
  condition <- list(message = paste0(...), call = NULL, code = code)
  stop(structure(condition, class = c("refusal", "error", "condition")))
}

# Evaluate model code; in a traceback all that comes after this frame is the user's.
invoke <- function(call, stage) eval(call, stage)

user_frames <- function(calls) {
  heads <- vapply(calls, function(call) deparse(call[[1L]], nlines = 1L)[1L], "")
  entered <- which(heads == "invoke")
  if (length(entered) == 0L) {
    return(list())
  }
  after <- seq_along(calls) > max(entered) + 2L # eval() has two frames
  frames <- calls[after]
  # R_Srcref, the statement at work, also when a builtin without a frame of its own failed in it,
  # is with the frame of the handler.
  handler <- match(TRUE, heads[after] %in% c(".handleSimpleError", "h"), length(frames))
  c(frames[seq_len(handler - 1L)], list(structure(quote(stopped()), srcref = srcref_of(frames[[handler]]))))
}

srcref_of <- function(call) attr(call, "srcref")

location <- function(frames) {
  for (frame in rev(frames)) {
    reference <- srcref_of(frame)
    if (!is.null(reference)) {
      return(paste0(basename(attr(reference, "srcfile")$filename), ":", reference[1L]))
    }
  }
  ""
}

# Newest call first, as R's traceback() has it, without the middle of an endless recursion.
narrate <- function(condition, said, frames) {
  call <- conditionCall(condition)
  first <- if (is.null(call)) "Error: " else paste0("Error in ", brief(call), ": ")
  calls <- frames[-length(frames)]
  at <- vapply(calls, function(frame) location(list(frame)), "")
  lines <- sprintf("%d: %s%s", seq_along(calls), vapply(calls, brief, ""), ifelse(nzchar(at), paste0(" at ", at), ""))
  if (length(lines) > 40L) {
    lines <- c(utils::head(lines, 10L), "...", utils::tail(lines, 29L))
  }
  paste(c(paste0(first, said), rev(lines)), collapse = "\n")
}

brief <- function(call) {
  text <- deparse(call, nlines = 1L, width.cutoff = 100L)[1L]
  enc2utf8(if (nchar(text) > 120L) paste0(substr(text, 1L, 117L), "...") else text)
}

# Evaluate a script in an environment of its own, whose parent is as good as the global one.
#
# Relative paths are those of the script's folder. source() evaluates in the script's environment,
# which is what the script takes for the top level, and keeps the text of what it read: `sourced`,
# a named list, has it back at load, so that a version stays what it was when helper files change.
evaluate <- function(text, path, sourced) {
  guarded({
    lines <- strsplit(enc2utf8(text), "\n", fixed = TRUE)[[1L]]
    around <- new.env(parent = globalenv())
    script <- new.env(parent = around)
    around$path <- path
    around$folder <- dirname(path)
    around$sourced <- sourced
    around$source <- sourcing
    environment(around$source) <- around
    around$script <- script
    if (dir.exists(around$folder)) setwd(around$folder)
    expressions <- tryCatch(
      parse(text = lines, keep.source = TRUE, srcfile = srcfilecopy(basename(path), lines)),
      error = function(condition) refuse("bad_model", conditionMessage(condition))
    )
    invoke(expressions, script)
    script
  })
}

# Stands in for source() in scripts; its environment, and that of the model's closures, is `around`,
# so nothing of this file gets into an artifact.
sourcing <- function(file, local = FALSE, echo = FALSE, ..., chdir = FALSE) {
  into <- if (is.environment(local)) local else if (isTRUE(local)) parent.frame() else script
  plain <- is.character(file) && length(file) == 1L && !chdir && !grepl("^[a-z]+://", file)
  if (!plain || echo || ...length() > 0L) {
    return(base::source(file, local = into, echo = echo, ..., chdir = chdir))
  }
  if (is.null(sourced[[file]])) {
    text <- paste(readLines(file, encoding = "UTF-8", warn = FALSE), collapse = "\n")
    sourced[[file]] <<- enc2utf8(text)
  }
  lines <- strsplit(sourced[[file]], "\n", fixed = TRUE)[[1L]]
  reference <- srcfilecopy(basename(file), lines)
  invisible(eval(parse(text = lines, keep.source = TRUE, srcfile = reference), into))
}

sourced_by <- function(script) {
  sourced <- get("sourced", parent.env(script))
  list(as.character(names(sourced)), as.character(sourced))
}

# Check that a function is there, and give the symbol to call it by.
function_named <- function(script, name) {
  there <- function(where) exists(name, where, mode = "function", inherits = FALSE)
  if (!there(script) && !there(globalenv()) && name != "predict") {
    defined <- ls(script)
    defined <- defined[vapply(mget(defined, script), is.function, NA)]
    shown <- if (length(defined) == 0L) "no functions" else paste(defined, collapse = ", ")
    path <- get("path", parent.env(script))
    refuse("bad_model", "function ", name, " is not in ", path, ", which has ", shown)
  }
  as.name(name)
}

# Call fit(x, y, ...) of the script; whatever it gives is the model. In a list, as NULL is a failure.
fit <- function(script, name, params, x, y) {
  guarded({
    stage <- new.env(parent = script)
    stage$x <- x
    stage$y <- y
    call <- as.call(c(function_named(script, name), quote(x), quote(y), params))
    list(invoke(call, stage))
  })
}

# Call a function of the script that gives features and target: list(x =, y =), or a data.frame
# one of whose columns the param `target_column` names.
read <- function(script, name, params) {
  guarded({
    function_ <- function_named(script, name)
    target <- params$target_column
    if (!"target_column" %in% names(formals(get(name, script, mode = "function")))) {
      params$target_column <- NULL
    }
    features_and_target(invoke(as.call(c(function_, params)), script), name, target)
  })
}

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

restore <- function(bytes) guarded(unserialize(bytes))

runtime <- function() {
  loaded <- setdiff(loadedNamespaces(), "base")
  priority <- vapply(loaded, function(name) {
    utils::packageDescription(name, fields = "Priority")
  }, "")
  used <- loaded[!priority %in% "base"]
  versions <- vapply(used, function(name) as.character(getNamespaceVersion(name)), "")
  list(as.character(getRversion()), used, unname(versions))
}

# Warnings at once and to standard error; plots to nowhere rather than to Rplots.pdf.
options(warn = 1L, keep.source = TRUE, device = function(...) grDevices::pdf(NULL))
