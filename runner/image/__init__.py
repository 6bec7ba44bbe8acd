"""Images: from the configs of services to what docker, podman or buildah build of them.

    plan = make_plan(["runner.yaml"], Wishes())
    write(plan, by="anna")
    build(plan.folder, find_engine(), "iris:1")

The build context is the folder of the configs; what is made for it lies in `.runner` there.
"""

from runner.image.context import write
from runner.image.engine import build, find_engine
from runner.image.plan import Model, Plan, Wishes, make_plan

__all__ = ["Model", "Plan", "Wishes", "build", "find_engine", "make_plan", "write"]
