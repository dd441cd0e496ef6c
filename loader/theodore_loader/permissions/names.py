"""Name patterns: programs, environment variables, services, native libraries, dynamically loaded modules."""

from __future__ import annotations

import re
from dataclasses import dataclass

from theodore_loader.permissions import globs
from theodore_loader.permissions.errors import PatternError
from theodore_sdk.info import PermissionType

MAX_NAME = 128
MAX_STARS = 4

_SHAPES = {
    PermissionType.SUBPROCESS: (re.compile(r"[A-Za-z0-9_.+*-]+", re.ASCII), "a program name such as git"),
    PermissionType.NATIVE: (re.compile(r"[A-Za-z0-9_.+*-]+", re.ASCII), "a library or module name such as numpy"),
    PermissionType.ENVIRONMENT: (re.compile(r"[A-Za-z_*][A-Za-z0-9_*]*", re.ASCII), "a variable name such as ACME_KEY"),
    PermissionType.REGISTRY: (re.compile(r"[A-Za-z_*][A-Za-z0-9_.*-]*", re.ASCII), "a service name such as WebScraper"),
    PermissionType.DYNAMIC_CODE: (
        re.compile(r"[A-Za-z_*][A-Za-z0-9_.*]*", re.ASCII),
        "a module name such as acme.parsers",
    ),
}
_BY_PATH = frozenset({PermissionType.SUBPROCESS, PermissionType.NATIVE})
_SHELLS = {"sh", "bash", "dash", "zsh", "ksh", "fish", "csh", "tcsh", "ash", "busybox"}
_LAUNCHERS = {"env", "sudo", "su", "doas", "xargs", "nohup", "setsid", "timeout", "nice", "nsenter", "ssh", "make"}
_INTERPRETERS = {"python", "python2", "python3", "pypy", "pypy3", "perl", "ruby", "node", "deno", "bun", "php", "lua"}
_CONTAINERS = {"docker", "podman"}
_ANY_PROGRAM = sorted(_SHELLS | _LAUNCHERS | _INTERPRETERS | _CONTAINERS | {"awk", "gawk", "tclsh"})


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A glob over bare names, or one absolute path. A star never reaches across ``/``."""

    glob: str

    def __str__(self) -> str:
        return self.glob

    def covers(self, other: NamePattern) -> bool:
        """Tell whether every name of ``other`` is a name of this."""
        return self.allows(other.glob)

    def intersection(self, other: NamePattern) -> tuple[NamePattern, ...]:
        """Return the maximal common patterns."""
        if self.is_path or other.is_path:
            return (self,) if self == other else ()
        return tuple(NamePattern(piece) for piece in globs.intersection(self.glob, other.glob))

    def overlaps(self, other: NamePattern) -> bool:
        """Tell whether some name is in both."""
        if self.is_path or other.is_path:
            return self == other
        return globs.overlaps(self.glob, other.glob)

    @property
    def is_path(self) -> bool:
        """Whether this names one file by absolute path."""
        return self.glob.startswith("/")

    def allows(self, name: str) -> bool:
        """Tell whether ``name`` is in the set."""
        if "/" in name:
            return name == self.glob
        return globs.matches(self.glob, name)


def parse_names(kind: PermissionType, pattern: str) -> NamePattern:
    """Read a name pattern of ``kind``; :class:`PatternError` names defect and remedy."""
    if kind in _BY_PATH and "/" in pattern:
        return NamePattern(_absolute(pattern))
    shape, example = _SHAPES[kind]
    if not shape.fullmatch(pattern):
        raise PatternError(pattern, f"not {example.rsplit(' such as ')[0]}", f"write {example}, or a glob of it with *")
    glob = globs.normal(pattern)
    if len(glob) > MAX_NAME or glob.count("*") > MAX_STARS:
        raise PatternError(pattern, f"longer than {MAX_NAME} characters or more than {MAX_STARS} stars", "split it up")
    return NamePattern(glob)


def _absolute(pattern: str) -> str:
    parts = pattern.split("/")
    if parts[0] or len(parts) < 2 or any(part in ("", ".", "..") for part in parts[1:]):
        raise PatternError(pattern, "not a clean absolute path", "write a bare name, or a path such as /usr/bin/git")
    if "*" in pattern or not re.fullmatch(r"[A-Za-z0-9_.+/@%=,:-]+", pattern, re.ASCII):
        raise PatternError(pattern, "a program or library path is exact, without globs or spaces", "name the one file")
    return pattern


def overbroad_names(kind: PermissionType, pattern: NamePattern) -> str | None:
    """Say why a name pattern reaches further than a reviewer can judge, or ``None``."""
    glob = pattern.glob
    if "*" in glob and len(glob.replace("*", "")) < 3:
        return f"{glob} matches nearly every {kind.value} name"
    if kind is PermissionType.ENVIRONMENT and glob.startswith("*"):
        return f"{glob} matches variables of every vendor"
    if kind is PermissionType.SUBPROCESS:
        return _overbroad_program(glob.rsplit("/", 1)[-1])
    return None


def _overbroad_program(name: str) -> str | None:
    runner = next((program for program in _ANY_PROGRAM if globs.matches(name, program)), None)
    if runner is None and re.fullmatch(r"(python|pypy|perl|ruby|node|php|lua)[0-9.]+", name) is None:
        return None
    return f"{runner or name} can run any other program"
