# Tell what goes wrong in model code: message, line of the script, the user's own calls.
#
# Functions that Python calls are `guarded()`: they give NULL when they fail, and leave code,
# message and traceback in `failure`.

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
      failure$message <- if (nzchar(at)) paste0(said, " (", at, ")") else said
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

# Evaluate model code: what comes after this function's frame in a traceback is the user's.
invoke <- function(call, stage) eval(call, stage)

# The user's frames, the last of which is not a call but tells the statement at work: R keeps that
# with the frame of the error's handler, also when a builtin, which has no frame, has failed.
user_frames <- function(calls) {
  heads <- vapply(calls, head_of, "")
  entered <- which(heads == "invoke")
  if (length(entered) == 0L) {
    return(list())
  }
  after <- seq_along(calls) > max(entered) + 2L # eval() has two frames
  frames <- calls[after]
  handler <- match(TRUE, heads[after] %in% c(".handleSimpleError", "h"), length(frames))
  at_work <- structure(quote(statement()), srcref = attr(frames[[handler]], "srcref"))
  c(frames[seq_len(handler - 1L)], list(at_work))
}

# "model.R:12" of the innermost frame that has source, or "".
location <- function(frames) {
  for (frame in rev(frames)) {
    reference <- attr(frame, "srcref")
    if (!is.null(reference)) {
      return(paste0(basename(attr(reference, "srcfile")$filename), ":", reference[1L]))
    }
  }
  ""
}

# What tryCatch(), warning() and message() are made of: nobody has written these calls.
machinery <- c(
  "tryCatchList", "tryCatchOne", "doTryCatch", "withRestarts", "withOneRestart", "doWithOneRestart",
  ".signalSimpleWarning", "signalCondition"
)

# Newest call first, as R's traceback() has it, without the middle of an endless recursion.
narrate <- function(condition, said, frames) {
  call <- conditionCall(condition)
  first <- if (is.null(call) || head_of(call) %in% machinery) "Error: " else paste0("Error in ", brief(call), ": ")
  calls <- frames[-length(frames)]
  calls <- calls[!vapply(calls, head_of, "") %in% machinery]
  at <- vapply(calls, function(frame) location(list(frame)), "")
  at <- ifelse(nzchar(at), paste0(" at ", at), "")
  lines <- sprintf("%d: %s%s", seq_along(calls), vapply(calls, brief, ""), at)
  if (length(lines) > 40L) {
    lines <- c(utils::head(lines, 10L), "...", utils::tail(lines, 29L))
  }
  paste(c(paste0(first, said), rev(lines)), collapse = "\n")
}

# The name of the function that is called, if it has one.
head_of <- function(call) deparse(call[[1L]], nlines = 1L)[1L]

brief <- function(call) {
  text <- deparse(call, nlines = 1L, width.cutoff = 100L)[1L]
  enc2utf8(if (nchar(text) > 120L) paste0(substr(text, 1L, 117L), "...") else text)
}
