"""Options that several commands share, and what they open."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

_HELP = "Config file; default $RUNNER_CONFIG, $PALLADIUM_CONFIG, runner.yaml. a,b merges two."


def config_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take one `-c/--config FILE`."""
    return click.option("-c", "--config", "config", metavar="FILE", help=_HELP)(function)


def configs_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take any number of `-c/--config FILE`, a service each."""
    text = f"{_HELP} Repeat it for several services."
    return click.option("-c", "--config", "configs", metavar="FILE", multiple=True, help=text)(
        function
    )


def json_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")(
        function
    )
