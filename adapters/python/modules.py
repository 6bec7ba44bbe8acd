"""Keep the user's own modules with the model, as text (SPEC 5.6).

A pickle holds names, not code: without this a stored version would change whenever its script
does, and could not be loaded where the script is not.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import linecache
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType

Sources = Mapping[str, Mapping[str, str]]
"""Module's dotted name -> its ``file`` (a package's ends in ``__init__.py``) and ``text``."""


def put_on_path(folders: Sequence[str]) -> None:
    """Put folders before all others where modules are looked for, in their order."""
    for folder in reversed(folders):
        if folder in sys.path:
            sys.path.remove(folder)
        sys.path.insert(0, folder)


def collect(folders: Sequence[str]) -> Sources:
    """Give the modules imported by now that lie in these folders under their own names.

    What lies deeper, such as a virtual environment within a project, is not the user's module.
    """
    found: dict[str, Mapping[str, str]] = {}
    for name, module in list(sys.modules.items()):
        path = Path(getattr(module, "__file__", None) or "")
        if path.suffix != ".py" or name == "__main__":
            continue
        place = Path(*name.split("."))
        for folder in map(Path, folders):
            if path in (folder / place.with_suffix(".py"), folder / place / "__init__.py"):
                found[name] = {"file": str(path), "text": _text_of(module, path)}
    return found


def _text_of(module: ModuleType, path: Path) -> str:
    loader = getattr(module, "__loader__", None)
    if isinstance(loader, _KeptText):
        return loader.text
    return path.read_text(encoding="utf-8")


def install(sources: Sources) -> None:
    """Import these modules from their text from now on, whatever their files say."""
    sys.meta_path[:] = [one for one in sys.meta_path if not isinstance(one, _KeptModules)]
    sys.meta_path.insert(0, _KeptModules(sources))
    for name in sources:
        sys.modules.pop(name, None)


class _KeptText(importlib.abc.InspectLoader):
    """Run a module's text; tracebacks show it as if it were the file."""

    def __init__(self, file: str, text: str) -> None:
        self._file = file
        self.text = text

    def get_source(self, fullname: str) -> str:
        return self.text

    def is_package(self, fullname: str) -> bool:
        return Path(self._file).name == "__init__.py"

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self._file
        lines = self.text.splitlines(keepends=True)
        linecache.cache[self._file] = (len(self.text), None, lines, self._file)
        exec(compile(self.text, self._file, "exec", dont_inherit=True), module.__dict__)


class _KeptModules(importlib.abc.MetaPathFinder):
    """Find the modules that came with an artifact, before those on disk."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,
        target: ModuleType | None = None,
    ) -> importlib.machinery.ModuleSpec | None:
        source = self._sources.get(fullname)
        if source is None:
            return None
        loader = _KeptText(source["file"], source["text"])
        spec = importlib.util.spec_from_loader(fullname, loader, origin=source["file"])
        if spec is not None and spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(str(Path(source["file"]).parent))
        return spec
