# Evaluate the user's scripts, each in a fresh module, and remember their text.

"A script and what it includes, by their paths relative to its folder, and the module that they made."
struct Script
    path::String
    files::Dict{String,String}
    mod::Module
end

"""
    evaluate(name, path, files, code)

Evaluate the script at `path` in a new module `Main.<name>`; `files` holds texts that come before those
on disk, so that a stored model keeps the code that it was fitted with.

The module has always the same name because Serialization tells types by module names. The script's
folder is on LOAD_PATH, and its Project.toml is the active project unless JULIA_PROJECT names one.
Refuses with `code`, naming file and line.
"""
function evaluate(name::Symbol, path::String, files=Dict{String,String}(), code="bad_model")
    folder = dirname(path)
    folder in LOAD_PATH || push!(LOAD_PATH, folder)
    project = joinpath(folder, "Project.toml")
    if isfile(project) && !haskey(ENV, "JULIA_PROJECT")
        Base.ACTIVE_PROJECT[] = project
    end
    script = Script(path, files, Module(name))
    Core.eval(script.mod, :(eval(expression) = Core.eval($(script.mod), expression)))
    Core.eval(script.mod, :(include(path) = $include_file($script, path)))
    Core.eval(Main, :($name = $(script.mod)))
    guarded(() -> include_file(script, path), code)
    return script
end

"Do what `include` does, and keep the text of what was included."
function include_file(script, path)
    from = get(task_local_storage(), :SOURCE_PATH, script.path)
    path = normpath(joinpath(dirname(from), path))
    text = get!(() -> read(path, String), script.files, relpath(path, dirname(script.path)))
    return task_local_storage(:SOURCE_PATH, path) do
        include_string(script.mod, text, path)
    end
end

"""
    lookup(script, name)

Give the function of this name, `Module.name` for one within a module, or `nothing`.
"""
function lookup(script, name)
    found = script.mod
    for part in Symbol.(split(name, '.'))
        # Since Julia 1.12 a binding is seen from the world after its definition on only.
        found isa Module && Base.invokelatest(isdefined, found, part) || return nothing
        found = Base.invokelatest(getfield, found, part)
    end
    return found
end

function required(script, name)
    found = lookup(script, name)
    found === nothing && refuse("bad_model", "$(basename(script.path)) has no function $name")
    return found
end

"Call a function of the user's, which is younger than this code, with a Dict of keyword arguments."
call(f, arguments...; with::Dict) =
    isempty(with) ? Base.invokelatest(f, arguments...) :
    Base.invokelatest(f, arguments...; [Symbol(name) => value for (name, value) in with]...)
