"""Which interpreters a lock has to serve: every declared Python on every declared platform.

A platform is named by operating system and processor, as in ``linux-x86_64``; the oldest system of each kind that is
still meant is fixed here, so that a lock does not depend on the machine it was made on. The tags are those of PEP 425,
PEP 600 (manylinux), PEP 656 (musllinux); the marker names are those of PEP 508.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from packaging.specifiers import SpecifierSet
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.project import PluginProject
from theodore_plugin.settings.project_table import project_voice

if TYPE_CHECKING:
    from packaging.markers import Marker

PYTHONS = ("3.11", "3.12", "3.13")
"""The versions of CPython that plugins run on."""
DEFAULT_PLATFORMS = ("linux-x86_64", "linux-aarch64")
"""What a lock serves if the project names nothing else: the systems on which a worker can be fully confined."""
_OLDEST_PYTHON = SpecifierSet(">=3.11")
_HIGHEST_PATCH = 99
_PATCHES = (*range(40), _HIGHEST_PATCH)


@dataclass(frozen=True, slots=True)
class Platform:
    """One operating system on one kind of processor: what markers say there, and which wheels fit, best first."""

    name: str
    sys_platform: str
    machine: str
    system: str
    os_name: str
    wheels: tuple[str, ...]

    @property
    def marker(self) -> str:
        """The PEP 508 marker that holds there and nowhere else."""
        return (
            f"sys_platform == '{self.sys_platform}' and platform_machine == '{self.machine}'"
            " and platform_python_implementation == 'CPython'"
        )


def _manylinux(machine: str, oldest: int, aliases: Mapping[int, str]) -> Iterator[str]:
    for minor in range(28, oldest - 1, -1):  # glibc 2.28: Debian 10, RHEL 8, Ubuntu 18.10
        yield f"manylinux_2_{minor}_{machine}"
        if minor in aliases:
            yield f"{aliases[minor]}_{machine}"
    yield f"linux_{machine}"


def _linux(machine: str, oldest: int, aliases: Mapping[int, str]) -> Platform:
    return Platform(f"linux-{machine}", "linux", machine, "Linux", "posix", tuple(_manylinux(machine, oldest, aliases)))


def _musl(machine: str) -> Platform:
    wheels = (*(f"musllinux_1_{minor}_{machine}" for minor in (2, 1, 0)), f"linux_{machine}")
    return Platform(f"musllinux-{machine}", "linux", machine, "Linux", "posix", wheels)


def _mac(machine: str) -> Platform:
    return Platform(f"macos-{machine}", "darwin", machine, "Darwin", "posix", tuple(mac_platforms((13, 0), machine)))


PLATFORMS: Mapping[str, Platform] = {
    platform.name: platform
    for platform in (
        _linux("x86_64", 5, {17: "manylinux2014", 12: "manylinux2010", 5: "manylinux1"}),
        _linux("aarch64", 17, {17: "manylinux2014"}),
        _musl("x86_64"),
        _musl("aarch64"),
        _mac("arm64"),
        _mac("x86_64"),
        Platform("windows-x86_64", "win32", "AMD64", "Windows", "nt", ("win_amd64",)),
    )
}


@dataclass(frozen=True, slots=True)
class Target:
    """One interpreter: a full version of CPython on one platform."""

    version: str
    platform: str

    @property
    def python(self) -> str:
        """Major and minor version: ``3.11``."""
        return self.version.rpartition(".")[0]

    @property
    def environment(self) -> dict[str, str]:
        """What PEP 508 markers are evaluated in."""
        platform = PLATFORMS[self.platform]
        return {
            "implementation_name": "cpython",
            "implementation_version": self.version,
            "os_name": platform.os_name,
            "platform_machine": platform.machine,
            "platform_release": "",
            "platform_system": platform.system,
            "platform_version": "",
            "python_full_version": self.version,
            "platform_python_implementation": "CPython",
            "python_version": self.python,
            "sys_platform": platform.sys_platform,
        }

    @property
    def tags(self) -> tuple[Tag, ...]:
        """The wheel tags that fit, best first."""
        return _tags(self.python, self.platform)

    def __str__(self) -> str:
        return f"Python {self.python} on {self.platform}"


@cache
def _tags(python: str, platform: str) -> tuple[Tag, ...]:
    major, minor = map(int, python.split("."))
    platforms = PLATFORMS[platform].wheels
    interpreter = f"cp{major}{minor}"
    return (
        *cpython_tags((major, minor), abis=[interpreter], platforms=platforms),
        *compatible_tags((major, minor), interpreter=interpreter, platforms=platforms),
    )


@dataclass(frozen=True, slots=True)
class Range:
    """What a project declares: Python versions (never older than the oldest that plugins run on) and platforms."""

    python: str
    platforms: tuple[Platform, ...]
    targets: tuple[Target, ...]
    """Every interpreter a lock is tried on: of each Python its lowest and its highest patch release."""

    every: tuple[Target, ...] = ()
    """The same with every patch release in range."""

    def agree(self, one: Marker | None, other: Marker | None) -> bool:
        """Return whether two conditions mean the same on every interpreter in range; ``None`` holds everywhere."""
        return str(one) == str(other) or all(_holds(one, target) == _holds(other, target) for target in self.every)

    @property
    def environments(self) -> tuple[str, ...]:
        """The markers of the platforms; those of glibc and musl are the same."""
        return tuple(dict.fromkeys(platform.marker for platform in self.platforms))

    @property
    def pythons(self) -> tuple[str, ...]:
        """The supported versions in range, oldest first: ``3.11``."""
        return tuple(dict.fromkeys(target.python for target in self.targets))


def declared_range(project: PluginProject) -> Range:
    """Return what a project's lock has to serve: ``requires-python``, and ``platforms`` of its own table.

    Raises :class:`ConfigurationProblem` if a value cannot be read, or no supported Python is in range.
    """
    said = project_voice(project).says.get("platforms")
    return make_range(project.table.get("requires-python"), said.value if said else DEFAULT_PLATFORMS)


def make_range(requires_python: object, platforms: Sequence[str] = DEFAULT_PLATFORMS) -> Range:
    """Return a range from its two parts; raises as :func:`declared_range` does."""
    try:
        wanted = SpecifierSet("" if requires_python is None else requires_python)  # type: ignore[arg-type]
        wanted.contains("3.11")  # bounds are parsed when they are first asked
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationProblem(
            f"requires-python {str(requires_python)[:120]!r} is no version range", help='write ">=3.11"'
        ) from None
    every: list[Target] = []
    targets: list[Target] = []
    for platform in dict.fromkeys(platforms):
        for python in PYTHONS:
            found = [
                Target(f"{python}.{patch}", platform) for patch in _PATCHES if wanted.contains(f"{python}.{patch}")
            ]
            every += found
            targets += dict.fromkeys((found[0], found[-1])) if found else ()
    if not targets:
        raise ConfigurationProblem(
            f"the plugin requires Python {wanted}, and plugins run on {', '.join(PYTHONS)}", help='write ">=3.11"'
        )
    python = str(wanted if _says_oldest(wanted) else wanted & _OLDEST_PYTHON)
    return Range(python, tuple(PLATFORMS[name] for name in dict.fromkeys(platforms)), tuple(targets), tuple(every))


def _holds(marker: Marker | None, target: Target) -> bool:
    return marker is None or marker.evaluate(target.environment, context="lock_file")


def _says_oldest(wanted: SpecifierSet) -> bool:
    """Whether the range ends at or above the oldest Python that plugins run on."""
    return not any(wanted.contains(version) for version in ("3.10.99", "3.10.0", "3.9.0", "3.8.0", "3.0.0", "2.7.18"))
