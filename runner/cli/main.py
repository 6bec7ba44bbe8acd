"""The group of all commands, and the one place where an error becomes an exit code."""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from difflib import get_close_matches
from keyword import iskeyword
from typing import Any, NoReturn

import click

from runner import __version__
from runner.errors import ConfigError, ModelError, RunnerError

COMMANDS = {
    "fit": "Fit the model and store it as a new version.",
    "grid-search": "Search the model's parameters by cross-validation.",
    "test": "Score a stored version on the test data.",
    "serve": "Answer predictions over HTTP.",
    "stream": "Answer lines of rows with lines of predictions.",
    "list": "List the stored versions.",
    "activate": "Make a version the one that is served.",
    "rollback": "Go back to the version that was active before.",
    "history": "Tell which version was active when, and who made it so.",
    "delete": "Delete a version.",
    "export": "Copy a version into a file or another store.",
    "import": "Store a version that was exported.",
    "dockerize": "Make a container image that serves.",
    "upgrade": "Take over the models that Palladium stored.",
    "check": "Check configs without doing anything.",
    "jobs": "Tell of fits and activations that were begun over HTTP.",
    "usage": "Tell who predicted how much.",
    "audit": "Find what was done to the audit log.",
    "doctor": "Say which languages work here, and what mends those that do not.",
    "version": "Print the runner's version.",
}
"""Every command and its one line in the help."""

_EPILOG = """\b
Exit codes:
  0  done                    3  not found (a version, a service)
  1  failed                  5  unavailable (database, port, permission,
  2  wrong usage or config      a language that does not work here)

\b
Example:
  runner fit && runner test && runner serve
  runner -h COMMAND tells more of each."""


class _Commands(click.Group):
    """Import a command's module when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            near = get_close_matches(cmd_name, COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"There is no command {cmd_name!r}.{hint}")
        # A module cannot have the name of a keyword.
        name = f"{cmd_name}_" if iskeyword(cmd_name) else cmd_name.replace("-", "_")
        module = importlib.import_module(f"runner.cli.{name}")
        command: click.Command = module.command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="polyglot-runner")
def group() -> None:
    """Fit, version and serve models written in R, Julia or Python."""


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run a command and exit."""
    try:
        code = group.main(args=argv, prog_name="runner", standalone_mode=False)
    except click.UsageError as ex:
        ex.show()
        sys.exit(2)
    except click.ClickException as ex:
        ex.show()
        sys.exit(1)
    except (click.Abort, KeyboardInterrupt):
        click.echo("runner: interrupted", err=True)
        sys.exit(130)
    except RunnerError as ex:
        _tell(ex)
        if "--json" in (sys.argv[1:] if argv is None else argv):
            click.echo(json.dumps({"error": _for_programs(ex)}, indent=2, ensure_ascii=False))
        sys.exit(ex.exit_code)
    # A command gives nothing, or, by ctx.exit, its own exit code.
    sys.exit(code if isinstance(code, int) else 0)


def _for_programs(ex: RunnerError) -> dict[str, Any]:
    """Give an error as JSON: its kind, its exit code, its words, and what is wrong where."""
    told: dict[str, Any] = {"kind": type(ex).__name__, "exit_code": ex.exit_code}
    told["message"] = str(ex)
    if isinstance(ex, ConfigError):
        told["faults"] = [asdict(fault) for fault in ex.faults]
    return told


def _tell(ex: RunnerError) -> None:
    """Print an error for people: every fault of a config, a model's own traceback."""
    match ex:
        case ConfigError():
            for fault in ex.faults:
                click.echo(f"runner: {fault}", err=True)
        case ModelError():
            if ex.traceback_text:
                click.echo(ex.traceback_text.rstrip(), err=True)
            click.echo(f"runner: {ex}", err=True)
        case _:
            click.echo(f"runner: {ex}", err=True)
