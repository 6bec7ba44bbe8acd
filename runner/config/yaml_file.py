"""Read a YAML config: data only, every value with its line, nothing silently dropped.

PyYAML's safe loader decides what a scalar is (YAML 1.1), with one correction: `1e-3` is a number.
Stricter than the loader: a repeated key is a fault, not the last one's victory.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from runner.config.document import Document, KeyPath, Place, key_path
from runner.errors import ConfigError, Fault

MAX_VALUES = 100_000
"""Values that one file may have; aliases within aliases would otherwise grow without bound."""

_MAP, _LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"
_QUOTED = 'the key of a factory in quotes: {"!": package.Name}'


_HINTS = (
    (r"(^|[\s{,-])!\s*:", _QUOTED),
    (r"\w\?", 'the type of a field that may be missing in quotes: "float?"'),
    (r"\t", "spaces, no tabs"),
)


class _Loader(yaml.SafeLoader):
    pass


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_yaml(file: Path, text: str) -> Document:
    """Read the text of a YAML file. Raises ConfigError with all faults of its form."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
    except yaml.YAMLError as ex:
        raise ConfigError([_syntax_fault(file, text, ex)]) from ex
    reader = _NodeReader(file, loader)
    if node is None:
        return Document({}, {(): Place(file, 1)})
    value = reader.read(node, ())
    if not reader.faults and not isinstance(value, dict):
        place = str(reader.places[()])
        reader.faults.append(Fault("the file holds no map", "keys with values", place))
    if reader.faults:
        raise ConfigError(reader.faults)
    return Document(value, reader.places)


def _syntax_fault(file: Path, text: str, ex: yaml.YAMLError) -> Fault:
    mark = getattr(ex, "problem_mark", None)
    if mark is None:
        return Fault(f"no YAML: {str(ex).splitlines()[0]}", file=str(file))
    problem = getattr(ex, "problem", None) or "no YAML"
    lines = "\n".join(text.splitlines()[max(0, mark.line - 1) : mark.line + 1])
    expected = next((hint for sign, hint in _HINTS if re.search(sign, lines)), None)
    return Fault(f"no YAML: {problem}", expected, str(Place(file, mark.line + 1)))


class _NodeReader:
    """Turn nodes into values, noting the line of each and collecting faults."""

    def __init__(self, file: Path, loader: _Loader) -> None:
        self._file = file
        self._loader = loader
        self._open: list[yaml.Node] = []
        self._values = 0
        self.places: dict[KeyPath, Place] = {}
        self.faults: list[Fault] = []

    def read(self, node: yaml.Node, path: KeyPath, key_node: yaml.Node | None = None) -> Any:
        self.places[path] = Place(self._file, (key_node or node).start_mark.line + 1)
        self._values += 1
        if self._values == MAX_VALUES:
            self._fault(path, f"more than {MAX_VALUES} values, aliases counted")
        if self._values >= MAX_VALUES:
            return None
        if any(node is around for around in self._open):
            return self._fault(path, "an alias that contains itself")
        self._open.append(node)
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == _MAP:
                return self._map(node, path)
            if isinstance(node, yaml.SequenceNode) and node.tag == _LIST:
                return [self.read(item, (*path, at)) for at, item in enumerate(node.value)]
            if isinstance(node, yaml.ScalarNode):
                return self._scalar(node, path)
            return self._fault(path, f"the tag {node.tag!r} is not known", _QUOTED)
        finally:
            self._open.pop()

    def _map(self, node: yaml.MappingNode, path: KeyPath) -> dict[Any, Any]:
        self._refuse_repeated(node, path)
        try:
            self._loader.flatten_mapping(node)
        except yaml.constructor.ConstructorError as ex:
            self._fault(path, f"no YAML: {ex.problem}")
            return {}
        found: dict[Any, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self._fault(path, "a key that is itself a map or list", "a string")
                continue
            key = self._scalar(key_node, path)
            found[key] = self.read(value_node, (*path, key), key_node)
        return found

    def _refuse_repeated(self, node: yaml.MappingNode, path: KeyPath) -> None:
        first: dict[str, int] = {}
        for key_node, _ in node.value:
            line = key_node.start_mark.line + 1
            if isinstance(key_node, yaml.ScalarNode) and key_node.value in first:
                self.places[(*path, key_node.value)] = Place(self._file, line)
                self._fault(
                    (*path, key_node.value), f"the key stands in line {first[key_node.value]} too"
                )
            elif isinstance(key_node, yaml.ScalarNode) and key_node.value != "<<":
                first[key_node.value] = line

    def _scalar(self, node: yaml.ScalarNode, path: KeyPath) -> Any:
        try:
            return self._loader.construct_object(node)
        except yaml.constructor.ConstructorError:
            return self._fault(path, f"the tag {node.tag!r} is not known", _QUOTED)
        except ValueError as ex:  # a date such as 2020-13-45
            return self._fault(path, f"{node.value!r}: {ex}", "quotes, if it is a string")

    def _fault(self, path: KeyPath, problem: str, expected: str | None = None) -> None:
        place = self.places.get(path)
        self.faults.append(Fault(problem, expected, str(place or self._file), key_path(path)))
