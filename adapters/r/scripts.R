# Evaluate scripts, each in an environment of its own, and find their functions.

# The environment of a script, whose parent is as good as the global one: `around` only adds a
# source() of ours. Relative paths are those of the script's folder.
#
# sourced: a named list of the texts that source() has read, or list(). At load it stands in for the
# files, so that a version stays what it was when they change (SPEC 5.6).
evaluate <- function(text, path, sourced) {
  guarded({
    around <- new.env(parent = globalenv())
    script <- new.env(parent = around)
    around$script <- script
    around$path <- path
    around$sourced <- sourced
    around$source <- sourcing
    environment(around$source) <- around
    enter(script)
    lines <- strsplit(enc2utf8(text), "\n", fixed = TRUE)[[1L]]
    expressions <- tryCatch(
      parse(text = lines, keep.source = TRUE, srcfile = srcfilecopy(basename(path), lines)),
      error = function(condition) refuse("bad_model", conditionMessage(condition))
    )
    invoke(expressions, script)
    script
  })
}

# Go to the folder of a script, if it is still there.
enter <- function(script) {
  folder <- dirname(get("path", parent.env(script)))
  if (dir.exists(folder)) setwd(folder)
  TRUE
}

# Stands in for source() in scripts: evaluates in the script's environment, which is what the script
# takes for the top level, and keeps the text. Its environment is `around`, where those of a model's
# closures lead to: nothing of the glue gets into an artifact.
sourcing <- function(file, local = FALSE, echo = FALSE, ..., chdir = FALSE) {
  into <- if (is.environment(local)) local else if (isTRUE(local)) parent.frame() else script
  plain <- is.character(file) && length(file) == 1L && !grepl("^[a-z]+://", file)
  if (!plain || chdir || echo || ...length() > 0L) {
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

# list(names, texts) of what a script has read with source().
sourced_by <- function(script) {
  sourced <- get("sourced", parent.env(script))
  list(as.character(names(sourced)), as.character(sourced))
}

# The symbol to call a function of the script by, or R's own predict(). Functions of packages do not
# count: a misspelt name must not find one by chance.
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
