"""The build step of prefect.yaml: what all deployments of a folder have in common."""

from importlib.metadata import version
from pathlib import Path


def describe_project() -> dict[str, str]:
    """The folder in which the flows will run, and the version of the package, for prefect.yaml."""
    return {"directory": str(Path.cwd()), "version": version("diptych")}
