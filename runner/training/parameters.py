"""Put a model's parameters into the `model` map of the contract, and take them out (SPEC 9)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.config import PYTHON, ModelSettings
from runner.errors import RunnerError

_FACTORY = "!"
_CONFIGURED = "adapters.python.factory.configured"
_LITERAL = "ast.literal_eval"
_INTEGERS = range(-(2**63), 2**63)


def of(model: ModelSettings) -> dict[str, Any]:
    """Give the parameters that a config names: of R and Julia `params`, of Python the arguments."""
    if model.language != PYTHON:
        return dict(model.wire.get("params", {}))
    arguments = model.wire["factory"].items()
    return {name: value for name, value in arguments if name != _FACTORY}


def put(model: ModelSettings, params: Mapping[str, Any]) -> ModelSettings:
    """Give a model with these parameters instead. Raises RunnerError for what cannot travel.

    Towards Python, those that the config does not name are set on the estimator when it is made,
    so that any that scikit-learn's `set_params` knows can be searched.
    """
    python = model.language == PYTHON
    sent = {name: _value(name, value, python) for name, value in params.items()}
    if not python:
        return ModelSettings(model.language, {**model.wire, "params": sent})
    factory = model.wire["factory"]
    own = {name: value for name, value in sent.items() if name in factory}
    made: dict[str, Any] = {_FACTORY: factory[_FACTORY], **own}
    further = {name: value for name, value in sent.items() if name not in factory}
    if further:
        made = {_FACTORY: _CONFIGURED, "estimator": made, "params": further}
    return ModelSettings(PYTHON, {**model.wire, "factory": made})


def _value(name: str, value: Any, python: bool) -> Any:
    """Give a value as msgpack has it: numbers of numpy's as plain ones, estimators as factories."""
    if hasattr(value, "tolist") and not isinstance(value, str | bytes):  # numpy's scalars, arrays
        value = value.tolist()
    if value is None or isinstance(value, str | bool | float):
        return value
    if isinstance(value, int) and value in _INTEGERS:
        return value
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _value(name, item, python) for key, item in value.items()}
    if python and isinstance(value, tuple) and _is_literal(value):
        return {_FACTORY: _LITERAL, "node_or_string": repr(value)}
    if isinstance(value, list | tuple):
        return [_value(name, item, python) for item in value]
    if python and hasattr(value, "get_params") and not isinstance(value, type):
        kind = type(value)
        arguments = value.get_params(deep=False)
        return {
            _FACTORY: f"{kind.__module__}.{kind.__qualname__}",
            **{key: _value(name, item, python) for key, item in arguments.items()},
        }
    raise RunnerError(
        f"parameter {name!r}: a {type(value).__name__} cannot travel to the adapter; "
        "expected strings, numbers, booleans, lists, maps with strings as keys"
        + (", or estimators of them" if python else "")
    )


def _is_literal(value: Any) -> bool:
    if isinstance(value, tuple | list):
        return all(map(_is_literal, value))
    return value is None or type(value) in (str, bool, int, float)
