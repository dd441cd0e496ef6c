"""What a project says it depends on, before any tool hears of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from packaging.markers import UndefinedEnvironmentName
from packaging.requirements import Requirement

from theodore_loader.errors import ConfigurationProblem, Refused


def read_requirements(project: Mapping[str, Any]) -> tuple[Requirement, ...]:
    """Return ``[project].dependencies``, given the ``[project]`` table as the project's reader accepts it.

    Raises :class:`ConfigurationProblem` (dynamic or malformed, all problems at once) and :class:`Refused`
    (``direct-url-dependency``): a URL or folder would make the installer run somebody's build.
    """
    if "dependencies" in project.get("dynamic", ()):
        raise ConfigurationProblem(
            "[project] computes its dependencies at build time, so nobody can review or lock them",
            help="list them in [project] dependencies",
        )
    return _without_urls(_parsed(project.get("dependencies", ())))


def _parsed(listed: Iterable[str]) -> tuple[Requirement, ...]:
    parsed, problems = [], []
    for line in listed:
        try:
            parsed.append(Requirement(line))
            if (marker := parsed[-1].marker) is not None:
                marker.evaluate()  # some well-formed comparisons have no answer
        except (ValueError, UndefinedEnvironmentName) as defect:
            problems.append(f"{line!r}: {str(defect).splitlines()[0]}")
    if problems:
        raise ConfigurationProblem(
            "\n".join(["these dependencies cannot be read:", *problems]), help="write them as in PEP 508: httpx>=0.28"
        )
    return tuple(parsed)


def _without_urls(requirements: tuple[Requirement, ...]) -> tuple[Requirement, ...]:
    if direct := [str(requirement) for requirement in requirements if requirement.url]:
        raise Refused(
            "direct-url-dependency",
            f"these dependencies name a place instead of a version: {'; '.join(direct)}",
            help="depend on a published version; what is behind a URL can change and may run a build",
        )
    return requirements
