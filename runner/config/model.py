"""Read what a config says of models and data: which language, which script, which factories."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from contracts.messages import Source
from runner.config import factory
from runner.config.cursor import Cursor, Faulty, Key, show, unknown
from runner.config.directives import FACTORY
from runner.config.readers import file, flag, free_map, text, texts, url
from runner.config.settings import PYTHON, AdapterSettings, LoaderSettings, ModelSettings
from runner.config.wire import wire
from runner.errors import ConfigError

LANGUAGES = (PYTHON, "r", "julia")
"""Languages whose adapters come with the runner; any other needs `adapter: {command: […]}`."""

_OURS = "runner.datasets."
_NEITHER = f'language: r or julia with a script, or {{"{FACTORY}": package.Name}} for Python'


def _free_wire(cursor: Cursor) -> Mapping[str, Any]:
    free_map(cursor)
    found: Mapping[str, Any] = wire(cursor)
    return found


_SCRIPTED = {
    "language": Key(text),
    "script": Key(file("script"), required=True),
    "fit": Key(text),
    "predict": Key(text),
    "predict_proba": Key(text),
    "params": Key(_free_wire),
    "predict_params": Key(_free_wire),
}
_SOURCE = {
    "language": Key(text),
    "script": Key(file("script"), "", required=True),
    "function": Key(text, "", required=True),
    "params": Key(_free_wire, {}),
}


class ModelReader:
    """Read the model and the data loaders of one config.

    ``deep``: also import what is named, and compare the arguments with the signatures.
    """

    def __init__(self, adapter: AdapterSettings, deep: bool) -> None:
        self._adapter = adapter
        self._deep = deep

    def model(self, cursor: Cursor) -> ModelSettings:
        """Read `model`: a map with a language, or a factory of Python's."""
        found = cursor.value
        if not isinstance(found, Mapping):
            raise Faulty(f"found {show(found)}", _NEITHER)
        if FACTORY in found:
            if "language" in found:
                cursor.fault_at("language", "a factory is always Python's", "no language beside it")
            return self._python(cursor)
        if "language" not in found:
            raise Faulty("neither a language nor a factory is named", _NEITHER)
        language = cursor.child("language").read(self._language, "")
        if language == PYTHON:
            return self._python_long(cursor)
        if language not in LANGUAGES and self._adapter.command:
            return self._foreign(cursor, language)
        settings = cursor.section(_SCRIPTED)
        settings["language"] = language
        return ModelSettings(language, {k: v for k, v in settings.items() if v is not None})

    def loader(self, cursor: Cursor) -> LoaderSettings:
        """Read a data loader: a factory of Python's, or a function in a script of a language."""
        found = cursor.value
        if not isinstance(found, Mapping):
            raise Faulty(f"found {show(found)}", f'{{"{FACTORY}": {_OURS}CSV, path: …}}')
        if FACTORY not in found:
            if "language" not in found:
                raise Faulty(
                    "neither a factory nor a language is named",
                    f'{{"{FACTORY}": {_OURS}CSV, path: …}}, or language, script and function',
                )
            settings = cursor.section(_SOURCE)
            language = cursor.child("language").read(self._language, "")
            source = Source(settings["script"], settings["function"], settings["params"])
            return LoaderSettings(language, source=source)
        sound = self._check_factories(cursor, importable=True)
        spec = dict(found)
        if str(found[FACTORY]).startswith(_OURS):
            self._place(cursor, spec)
            if self._deep and sound:
                try:  # ours check their arguments when they are made, and do nothing else
                    factory.build(spec)
                except ConfigError as ex:
                    raise Faulty(ex.faults[0].problem) from ex
        return LoaderSettings(factory=spec)

    def _place(self, cursor: Cursor, spec: dict[str, Any]) -> None:
        """Make the paths of a loader of ours, and of one within it, absolute."""
        inner = spec.get("impl")
        if isinstance(inner, Mapping):
            spec["impl"] = dict(inner)
            self._place(cursor.child("impl"), spec["impl"])
        path = spec.get("path")
        if isinstance(path, str) and "://" not in path:
            resolved = cursor.child("path").resolve(path)
            spec["path"] = str(resolved)
            # A server need not have the training data: only a check asks for the file.
            if self._deep and not resolved.exists():
                cursor.fault_at("path", f"{path!r} does not exist", f"a file, such as {resolved}")
        if isinstance(spec.get("url"), str):
            spec["url"] = cursor.child("url").read(url)

    def _language(self, cursor: Cursor) -> str:
        found = text(cursor)
        language = found.lower()
        if language not in LANGUAGES and not self._adapter.command:
            problem, expected = unknown(found, LANGUAGES, "language")
            own = expected and f"{expected}, or adapter: {{command: […]}} for one of your own"
            raise Faulty(problem, own)
        return language

    def _python(self, cursor: Cursor, path: Sequence[str] = (), **more: Any) -> ModelSettings:
        importable = not (self._adapter.executable or self._adapter.command)
        self._check_factories(cursor, importable)
        folders = list(dict.fromkeys([str(cursor.folder), *path]))
        spec = wire(cursor, python=True)
        return ModelSettings(PYTHON, {"factory": spec, "path": folders, **more})

    def _python_long(self, cursor: Cursor) -> ModelSettings:
        if "script" in cursor.value:
            raise Faulty(
                "a script is for R and Julia",
                f'{{"{FACTORY}": module.Class}}, the module beside the config',
            )
        settings = cursor.section(
            {
                "language": Key(text),
                "factory": Key(free_map, required=True),
                "frame": Key(flag),
                "path": Key(texts, ()),
            }
        )
        if settings["factory"] is None:
            return ModelSettings(PYTHON, {})
        inner = cursor.child("factory")
        if FACTORY not in inner.value:
            inner.fault("no factory is named", f'the key "{FACTORY}"')
        more = {} if settings["frame"] is None else {"frame": settings["frame"]}
        path = [str(cursor.child("path").resolve(folder)) for folder in settings["path"]]
        return self._python(inner, path, **more)

    def _foreign(self, cursor: Cursor, language: str) -> ModelSettings:
        """A model of an adapter that is not ours is its own business (SPEC 5.4)."""
        spec = dict(_free_wire(cursor)) | {"language": language}
        if "script" in spec:
            spec["script"] = cursor.child("script").read(file("script"))
        return ModelSettings(language, spec)

    def _check_factories(self, cursor: Cursor, importable: bool) -> bool:
        """Find the faults of every factory within a value; tell whether there are none."""
        found = cursor.value
        sound = True
        if isinstance(found, Mapping | list | tuple):
            for item in cursor.children():
                sound &= self._check_factories(item, importable)
        if isinstance(found, Mapping) and FACTORY in found:
            name = cursor.child(FACTORY)
            sound &= name.read(lambda at: self._check_factory(at, found, importable), False)
        return sound

    def _check_factory(self, cursor: Cursor, spec: Mapping[Any, Any], importable: bool) -> bool:
        name = text(cursor)
        if not importable:  # it lives in another interpreter: its adapter will tell
            return True
        problem = factory.missing(name)
        if problem:
            raise Faulty(problem)
        if not self._deep:
            return True
        try:
            found = factory.resolve(name)
        except ConfigError as ex:
            raise Faulty(ex.faults[0].problem) from ex
        arguments = {key: item for key, item in spec.items() if key != FACTORY}
        if any(not isinstance(key, str) for key in arguments):
            raise Faulty("an argument's name is no string", "strings as keys")
        problem = factory.misfit(found, arguments)
        if problem:
            raise Faulty(f"{name}: {problem}")
        return True
