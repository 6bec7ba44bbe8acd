"""Lists of decorators are read, checked and put around functions."""

from __future__ import annotations

import importlib

import pytest

from runner.config import Config, decorated, load
from runner.config.decorators import rehearse
from runner.errors import ConfigError, RunnerError
from tests.config.project import MINIMAL, Project

MODULE = """\
def loud(function):
    def called(*args, **keywords):
        return function(*args, **keywords).upper()
    return called

def framed(function):
    def called(*args, **keywords):
        return f"<{function(*args, **keywords)}>"
    return called

def broken(function):
    def called(*args, **keywords):
        raise ValueError("no luck")
    return called

def forgetful(function):
    function("x")

def failing(function):
    raise KeyError("nothing here")

def mute(function):
    return lambda *args: None
"""


def _config(project: Project, name: str, text: str) -> Config:
    project.write(f"{name}.py", MODULE)
    return load(project.write("c.yaml", MINIMAL + text))


def _echo(text: str) -> str:
    return text


def test_the_first_is_the_innermost(project: Project) -> None:
    """Row "decorator lists": each is put around what the former gave, as in Palladium."""
    config = _config(
        project, "first_one", "load_data_decorators: [first_one.loud, first_one.framed]"
    )
    assert decorated(config, "load_data", _echo)("a") == "<A>"


def test_without_a_list_nothing_is_wrapped(project: Project) -> None:
    """A config without decorators costs nothing: the function is the same one."""
    config = _config(project, "none_of_it", "")
    assert decorated(config, "load_data", _echo) is _echo


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("broken", "fit_decorators: ValueError: no luck"),
        ("forgetful", "gives a NoneType; expected the function to call instead"),
        ("failing", "KeyError: 'nothing here'"),
        ("mute", "fit_decorators: gave a NoneType, expected the str that the function gives"),
    ],
)
def test_what_a_decorator_does_wrong(project: Project, name: str, told: str) -> None:
    """What goes wrong in a decorator is told with the list that it stands in."""
    config = _config(project, "wrong_ones", f"fit_decorators: [wrong_ones.{name}]")
    with pytest.raises(RunnerError) as caught:
        decorated(config, "fit", _echo, str)("a")
    assert "fit_decorators" in str(caught.value)
    assert told in str(caught.value)


def test_errors_of_the_function_stay_its_own(project: Project) -> None:
    """An error that only passes through a decorator is not blamed on it."""

    def fail(_: str) -> str:
        raise LookupError("mine")

    config = _config(project, "passing", "fit_decorators: [passing.loud]")
    with pytest.raises(LookupError, match="mine"):
        decorated(config, "fit", fail)("a")


def test_a_misspelt_name(project: Project) -> None:
    """Row "decorator lists": a misspelt name fails when the config is checked, with the nearest."""
    project.write("spelling.py", MODULE)
    spec = project.write("c.yaml", MINIMAL + "fit_decorators: [spelling.lod]")
    assert project.faults(spec, deep=True) == [
        "c.yaml:3: fit_decorators[0]: spelling has no lod, did you mean 'loud'?"
    ]


def test_a_misspelt_name_of_a_front_end(project: Project) -> None:
    """A server looks for its decorators before it starts, without importing them itself."""
    config = _config(project, "behind", "predict_decorators: [behind.frammed]")
    with pytest.raises(ConfigError) as caught:
        rehearse([config])
    assert str(caught.value) == (
        f"{config.path}: predict_decorators: behind has no frammed, did you mean 'framed'?"
    )


def test_a_module_that_prints_and_fails(project: Project) -> None:
    """What a module prints while it is imported does not hide what is wrong with it."""
    project.write("chatty.py", "print('hello')\nraise RuntimeError('not today')\n")
    config = load(project.write("c.yaml", MINIMAL + "list_decorators: [chatty.x]"))
    with pytest.raises(ConfigError, match="chatty cannot be imported: RuntimeError: not today"):
        rehearse([config])


def test_functions_in_a_python_config(project: Project) -> None:
    """A config in Python may give a function that has a name; a lambda has none to be told."""
    project.write("named.py", MODULE)
    text = "{'service_metadata': {'service_name': 'a'}, 'model': {'language': 'r', 'script': "
    text += "'model.R'}, 'list_decorators': [%s]}"
    config = load(project.write("c.py", text % "__import__('named').loud"))
    assert config.decorators == {"list": ("named.loud",)}
    faults = project.faults(project.write("d.py", text % "lambda f: f"))
    assert "list_decorators[0]" in faults[0]
    assert "can be found under no name" in faults[0]


def test_a_decorator_that_a_factory_makes(project: Project) -> None:
    """Row "diskcache": a list may have factories, and Palladium's cache by its own name."""
    project.write("counting.py", "CALLS = []\ndef load(_):\n    CALLS.append(1)\n    return 7\n")
    cache = f'{{"!": palladium.cache.diskcache, filename_tmpl: "{project.folder}/c/{{key}}"}}'
    config = _config(project, "made", f"load_data_decorators: [{cache}]")
    count = importlib.import_module("counting")
    assert [decorated(config, "load_data", count.load)("a") for _ in range(3)] == [7, 7, 7]
    assert decorated(config, "load_data", count.load)("b") == 7
    assert len(count.CALLS) == 2
    assert len(list((project.folder / "c").iterdir())) == 2


def test_a_factory_that_makes_no_decorator(project: Project) -> None:
    """Row "diskcache": what cannot be made, or is none, is told."""
    text = 'load_data_decorators: [{"!": builtins.dict}, {"!": palladium.cache.diskcache, a: 1}]'
    faults = project.faults(project.write("c.yaml", MINIMAL + text), deep=True)
    assert "load_data_decorators[0]: builtins.dict makes a dict" in faults[0]
    assert "load_data_decorators[1]: runner.datasets.cache.diskcache: " in faults[1]


def test_data_of_another_language(project: Project) -> None:
    """Data that R loads never pass through Python, where they could be decorated."""
    project.write("elsewhere.py", MODULE)
    spec = project.write(
        "c.yaml",
        MINIMAL
        + "load_data_decorators: [elsewhere.loud]\n"
        + "dataset_loader_train: {language: r, script: model.R, function: data}\n",
    )
    assert project.faults(spec) == [
        "c.yaml:3: load_data_decorators: data from r are loaded in its own process, "
        "not in Python; expected a loader in Python"
    ]
