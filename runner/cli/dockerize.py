"""`runner dockerize`."""

from __future__ import annotations

from pathlib import Path

import click

from runner.cli.options import configs_option, json_option
from runner.login import caller

_APP_CONFIGS = ("runner.yaml", "palladium-config.py", "config.py")
"""What a folder's config may be called when only the folder is named."""

_EPILOG = """\b
Example:
  runner dockerize                          the active version, as an image
  runner dockerize --dockerfile-only && docker build -t iris:1 .
  runner dockerize -c runner.yaml,container.yaml --tag iris:1 --base python:3.13-slim
  runner dockerize -d app/ debian:bookworm-slim iris:1       as pld-dockerize
\b
Run it:
  docker run --read-only -p 5000:5000 iris:1"""


@click.command("dockerize", epilog=_EPILOG)
@click.argument("app", required=False, type=click.Path(exists=True, file_okay=False))
@click.argument("base_image", required=False)
@click.argument("image", required=False)
@configs_option
@click.option("-d", "--dockerfile-only", is_flag=True, help="Write the files; build nothing.")
@click.option("--tag", "-t", help="The image's name.  [default: SERVICE_NAME:SERVICE_VERSION]")
@click.option("--base", help="Debian or Ubuntu, Python 3.11 or newer.  [default: Python's, slim]")
@click.option("--fit", is_flag=True, help="Fit while building, instead of taking what is stored.")
@click.option("--no-model", is_flag=True, help="Have $RUNNER_STORE say at run time where it is.")
@click.option("--package", "packages", multiple=True, metavar="NAME", help="A Debian package more.")
@click.option("--runner", help="The runner's wheel, URL or version.  [default: the one of here]")
@click.option("--engine", type=click.Choice(["docker", "podman", "buildah"]), help="What builds.")
@click.option("--build-option", "options", multiple=True, help="Passed on to what builds.")
@click.option("--force", is_flag=True, help="Write over a Dockerfile of your own.")
@json_option
def command(
    *,
    app: str | None,
    base_image: str | None,
    image: str | None,
    configs: tuple[str, ...],
    dockerfile_only: bool,
    tag: str | None,
    base: str | None,
    fit: bool,
    no_model: bool,
    packages: tuple[str, ...],
    runner: str | None,
    engine: str | None,
    options: tuple[str, ...],
    force: bool,
    as_json: bool,
) -> None:
    """Make a container image that serves the service, or several.

    Writes Dockerfile, .dockerignore and .runner/ into the folder of the configs, then builds with
    docker, podman or buildah, whichever works. The active version of the model is in the image,
    unless the store is PostgreSQL.
    """
    from runner.cli.output import print_json
    from runner.image import Wishes, build, find_engine, make_plan, write

    if fit and no_model:
        raise click.UsageError("--fit and --no-model exclude one another.")
    for named, other, option in ((base_image, base, "--base"), (image, tag, "--tag")):
        if named and other:
            raise click.UsageError(f"{option} is given twice: {named!r} and {other!r}.")
    if app is not None and not configs:
        configs = (_config_in(Path(app)),)
    wishes = Wishes(base_image or base, fit, no_model, packages, runner)
    plan = make_plan(configs, wishes)
    name = image or tag or plan.tag
    if name is None and not dockerfile_only:
        raise click.UsageError("The service's name or version cannot name an image: say --tag.")
    builder = None if dockerfile_only else find_engine(engine)
    written = write(plan, by=caller(), force=force)
    for note in plan.notes:
        click.echo(f"runner: {note}", err=True)
    if not as_json:
        for path in written:
            click.echo(f"Wrote {path}.")
    if builder is not None and name is not None:
        build(plan.folder, builder, name, options)
    if as_json:
        print_json(
            {
                "folder": str(plan.folder),
                "model": plan.model.value,
                "versions": {each.service: each.number for each in plan.versions},
                "languages": sorted(plan.languages),
                "base": plan.base,
                "engine": builder and builder.name,
                "image": builder and name,
                "notes": list(plan.notes),
            }
        )
    elif builder is not None:
        click.echo(f"Built {name} with {builder.name}.")


def _config_in(folder: Path) -> str:
    for name in _APP_CONFIGS:
        if (folder / name).is_file():
            return str(folder / name)
    raise click.UsageError(f"{folder} has none of {', '.join(_APP_CONFIGS)}: say -c FILE.")
