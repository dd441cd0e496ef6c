"""Whether a lock serves every interpreter it has to: the question a host asks of it, asked for all of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, cast

from packaging.pylock import Package, Pylock, PylockSelectError
from packaging.utils import canonicalize_name, parse_wheel_filename

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.packaging.targets import Range, Target

if TYPE_CHECKING:
    from packaging.markers import Environment
    from packaging.requirements import Requirement
    from packaging.tags import Tag


def applies(package: Package, target: Target) -> bool:
    """Return whether a locked package is meant for an interpreter."""
    return package.marker is None or package.marker.evaluate(target.environment, context="lock_file")


def fitting(package: Package, tags: Iterable[Tag]) -> frozenset[str]:
    """Return the names of the package's wheels that carry one of the tags."""
    wanted = frozenset(tags)
    return frozenset(
        wheel.filename
        for wheel in package.wheels or ()
        if not wanted.isdisjoint(parse_wheel_filename(wheel.filename)[-1])
    )


def missing(package: Package, targets: Sequence[Target]) -> tuple[Target, ...]:
    """Return the interpreters that a package is meant for and has no wheel for."""
    return tuple(target for target in targets if applies(package, target) and not fitting(package, target.tags))


def refuse_missing_wheels(packages: Iterable[Package], wanted: Range) -> None:
    """Raise :class:`ConfigurationProblem` naming every package and interpreter without a wheel."""
    gaps = [(package, found) for package in packages if (found := missing(package, wanted.targets))]
    if gaps:
        lines = [f"{package.name} {package.version}: no wheel for {_named(found)}" for package, found in gaps]
        raise ConfigurationProblem(
            "\n".join(["the dependencies have no wheels for everything the plugin declares:", *lines]),
            help="choose another version, narrow requires-python, or declare what the plugin runs on: "
            '[tool.theodore-plugin] platforms = ["linux-x86_64"]',
        )


def problems(lock: Pylock, requirements: Sequence[Requirement], wanted: Range) -> Iterator[str]:
    """Iterate over why a lock does not serve a project's requirements and range; one reason per kind of defect."""
    if not any(_asked(need, target) for need in requirements for target in wanted.targets):
        if lock.packages:
            yield f"it locks {lock.packages[0].name}, and nothing is required"
        return
    reasons: dict[str, None] = {}
    for target in wanted.targets:
        reasons |= dict.fromkeys(_problems_on(lock, requirements, target))
    yield from reasons


def _problems_on(lock: Pylock, requirements: Sequence[Requirement], target: Target) -> Iterator[str]:
    try:
        locked = {
            package.name: package
            for package, _ in lock.select(environment=cast("Environment", target.environment), tags=target.tags)
        }
    except (PylockSelectError, ValueError) as defect:
        yield f"it does not serve {target}: {defect}"
        return
    for need in requirements:
        if not _asked(need, target):
            continue
        package = locked.get(canonicalize_name(need.name))
        if package is None or package.version is None:
            yield f"{need.name} is required, and it has none for {target}"
        elif not need.specifier.contains(package.version, prereleases=True):
            yield f"{need} is required, and it has {package.version}"


def _asked(need: Requirement, target: Target) -> bool:
    return need.marker is None or need.marker.evaluate({**target.environment, "extra": ""})


def _named(targets: Sequence[Target]) -> str:
    platforms: dict[str, list[str]] = {}
    for target in targets:
        found = platforms.setdefault(target.platform, [])
        if target.python not in found:
            found.append(target.python)
    return "; ".join(f"Python {', '.join(pythons)} on {platform}" for platform, pythons in platforms.items())
