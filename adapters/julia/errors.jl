# Turn what went wrong into a code, a sentence for people, and Julia's own trace (SPEC 7).

"An error with its code in the contract: the only kind that crosses to Python as it is."
struct Refusal <: Exception
    code::String
    message::String
    trace::String
end

refuse(code, message) = throw(Refusal(code, message, ""))

"Run model code; what it throws becomes a refusal with this code."
function guarded(run, code)
    try
        return run()
    catch error
        error isa Refusal && rethrow()
        throw(refusal(code, error, catch_backtrace()))
    end
end

"A trace of a stack overflow has tens of thousands of frames, and all are alike."
const FRAMES = 60

"""
Give the frames of the user's code: those above our own.

What is below ours is not even looked up: it is Python, and its debug information makes the LLVM of old
Julias print `error: decoding address ranges` for the user to read.
"""
function frames_above_ours(backtrace)
    frames = StackTraces.StackFrame[]
    for pointer in backtrace[1:min(end, 40 * FRAMES)]
        for frame in stacktrace([pointer])
            startswith(String(frame.file), @__DIR__) && return frames
            length(frames) < FRAMES && push!(frames, frame)
        end
    end
    return frames
end

function refusal(code, error, backtrace)
    frames = frames_above_ours(backtrace)
    filter!(frame -> !occursin("invokelatest", String(frame.func)), frames) # how we call the user's functions
    place, cause = located(error, frames)
    text = shown(cause)
    trace = join(["ERROR: $(shown(error))"; "Stacktrace:"; [" [$at] $frame" for (at, frame) in enumerate(frames)]], "\n")
    return Refusal(code, place * first(replace(rstrip(text), r"\s*\n\s*" => " "), 1000), trace)
end

"Say where in the user's files it happened: a LoadError knows, else the first frame in a script."
function located(error, frames)
    place = ""
    while error isa LoadError # one around another where a file includes a file
        place = "$(basename(error.file)):$(error.line): "
        error = error.error
    end
    at = findfirst(frame -> dirname(String(frame.file)) in LOAD_PATH, frames) # a script's folder is there
    isempty(place) && at !== nothing && (place = "$(basename(String(frames[at].file))):$(frames[at].line): ")
    return place, error
end

function shown(error)
    try
        return valid(Base.invokelatest(sprint, showerror, error))
    catch # a showerror method of the user's that fails itself
        return string(typeof(error))
    end
end

valid(text) = isvalid(text) ? text : String(filter(isascii, collect(text)))
