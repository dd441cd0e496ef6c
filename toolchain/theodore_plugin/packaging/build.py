"""Build a wheel from a clean copy of the project, with its own backend, in the sandbox."""

from __future__ import annotations

import platform
import tempfile
import warnings
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from theodore_loader.errors import LoaderError
from theodore_plugin.packaging.backend import Backend, read_backend
from theodore_plugin.packaging.build_environment import BackendFailed, BuildEnvironment
from theodore_plugin.packaging.circumstances import USUAL, Circumstances
from theodore_plugin.packaging.facts import BuildFacts
from theodore_plugin.packaging.source_copy import copy_sources
from theodore_plugin.packaging.wheelhouse import Wheelhouse
from theodore_plugin.project import PluginProject

_BY_HAND = "try `python -m build --wheel`"
_PREFIX = "theodore-build-"


@dataclass(frozen=True, slots=True)
class Built:
    """The wheel as the backend made it, not yet normalised, and what it was made with."""

    filename: str
    data: bytes
    facts: BuildFacts


def build_wheel(
    project: PluginProject,
    *,
    epoch: int,
    wheelhouse: Wheelhouse | None = None,
    circumstances: Circumstances = USUAL,
) -> Built:
    """Build ``project``'s wheel; ``epoch`` is the time the build is told, in seconds since 1970.

    ``wheelhouse`` is where build requirements are fetched to, by default one of this build's own.
    Raises :class:`ConfigurationProblem`: the backend is not one that is run, or it failed (:class:`BackendFailed`).
    """
    backend = read_backend(project.pyproject, project.root)
    with ExitStack() as room:
        scratch = Path(room.enter_context(tempfile.TemporaryDirectory(prefix=_PREFIX))).resolve()
        source, output = scratch / circumstances.directory, scratch / "output"
        copy_sources(
            project.root, source, mtime=epoch + circumstances.file_times, reverse=circumstances.file_order == "reversed"
        )
        output.mkdir()
        environment = BuildEnvironment(
            scratch, [source, output], backend.programs, epoch, wheelhouse or Wheelhouse(scratch), circumstances
        )
        wheel = _build(backend, environment, source, output)
        facts = BuildFacts(backend.name, environment.used, platform.python_version(), epoch)
        return Built(wheel.name, wheel.read_bytes(), facts)


def _build(backend: Backend, environment: BuildEnvironment, source: Path, output: Path) -> Path:
    from build import BuildBackendException, BuildException, ProjectBuilder
    from pyproject_hooks import BuildBackendWarning

    environment.install(backend.requires)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BuildBackendWarning)  # what a backend would rather have, it says elsewhere
            builder = ProjectBuilder.from_isolated_env(environment, source, runner=environment.run_hook)
            environment.install(sorted(builder.get_requires_for_build("wheel")))
            return Path(builder.build("wheel", output))
    except BuildBackendException as problem:
        if isinstance(problem.exception, LoaderError):  # raised by our own runner, wrapped on the way here
            raise problem.exception from None
        raise BackendFailed(f"the build backend failed: {problem}", help=_BY_HAND) from None
    except BuildException as problem:
        raise BackendFailed(f"the project cannot be built: {problem}", help=_BY_HAND) from None
