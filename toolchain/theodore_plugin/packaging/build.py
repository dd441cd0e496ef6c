"""Build a wheel from a clean copy of the project, with its own backend, in the sandbox."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import LoaderError
from theodore_plugin.packaging.backend import read_backend
from theodore_plugin.packaging.build_environment import BackendFailed, BuildEnvironment
from theodore_plugin.packaging.source_copy import copy_sources
from theodore_plugin.project import PluginProject

_BY_HAND = "try `python -m build --wheel`"


@dataclass(frozen=True, slots=True)
class Built:
    """The wheel as the backend made it, not yet normalised."""

    filename: str
    data: bytes


def build_wheel(project: PluginProject, *, epoch: int) -> Built:
    """Build ``project``'s wheel; ``epoch`` is the time the build is told, in seconds since 1970.

    Raises :class:`ConfigurationProblem`: the backend is not one that is run, or it failed (:class:`BackendFailed`).
    """
    from build import BuildBackendException, BuildException, ProjectBuilder

    backend = read_backend(project.pyproject, project.root)
    with tempfile.TemporaryDirectory(prefix="theodore-build-") as folder:
        scratch = Path(folder).resolve()
        source, output = scratch / "source", scratch / "output"
        copy_sources(project.root, source)
        output.mkdir()
        environment = BuildEnvironment(scratch, [source, output], backend.programs, epoch)
        environment.install(backend.requires)
        try:
            builder = ProjectBuilder.from_isolated_env(environment, source, runner=environment.run_hook)
            environment.install(sorted(builder.get_requires_for_build("wheel")))
            wheel = Path(builder.build("wheel", output))
        except BuildBackendException as problem:
            if isinstance(problem.exception, LoaderError):  # raised by our own runner, wrapped on the way here
                raise problem.exception from None
            raise BackendFailed(f"the build backend failed: {problem}", help=_BY_HAND) from None
        except BuildException as problem:
            raise BackendFailed(f"the project cannot be built: {problem}", help=_BY_HAND) from None
        return Built(wheel.name, wheel.read_bytes())
