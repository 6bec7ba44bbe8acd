"""Give tests the services that benchmarks use, too."""

from benchmarks.serving.project import RUNNER, TRICKS, Done, Project, run, tricky, write_project

__all__ = ["RUNNER", "TRICKS", "Done", "Project", "run", "tricky", "write_project"]
