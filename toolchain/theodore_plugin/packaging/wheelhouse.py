"""The build requirements of one or several builds: fetched once, by a confined pip, and known by their hashes.

Only fetching reaches the network, and only for wheels: nothing that is fetched is run. Installing takes the fetched
files by name, without an index. Two builds that share a wheelhouse are made with the same files.
"""

from __future__ import annotations

import hashlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import InvalidWheelFilename, parse_wheel_filename

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.sandbox import interpreter
from theodore_loader.sandbox.profile import MIB, Profile
from theodore_loader.sandbox.run import Completed, run_confined
from theodore_plugin.packaging.facts import BuildRequirement
from theodore_plugin.packaging.pip_settings import PipSettings, pip_settings

_SECONDS = 900
_TAIL_LINES = 25
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PIP = (sys.executable, "-P", "-m", "pip")
_QUIET = ("--no-input", "--disable-pip-version-check", "--progress-bar", "off")


class BackendFailed(ConfigurationProblem):
    """The build backend (or the installation of its requirements) failed; the message ends with its last output."""


class Wheelhouse:
    """A folder of fetched wheels. ``pinned``, if given, is all that will ever be in it, held to its hashes."""

    def __init__(self, scratch: Path, pinned: Sequence[BuildRequirement] = ()) -> None:
        self._folder = scratch / "wheels"
        self._home = scratch / "fetching"
        self._pinned = tuple(pinned)
        self._known: dict[tuple[str, ...], tuple[BuildRequirement, ...]] = {}
        self._paths: dict[BuildRequirement, Path] = {}
        self._folder.mkdir()
        self._home.mkdir()

    def paths(self, requirements: Sequence[BuildRequirement]) -> list[Path]:
        """Return where the wheels lie."""
        return [self._paths[requirement] for requirement in requirements]

    def fetch(
        self, requirements: Sequence[str], beside: Sequence[BuildRequirement] = ()
    ) -> tuple[BuildRequirement, ...]:
        """Fetch PEP 508 ``requirements`` and all they need, agreeing with what is installed ``beside`` them.

        Raises :class:`BackendFailed` if the index does not offer them as wheels, or (pinned) other bytes.
        """
        if self._pinned:
            requirements, lines = ("the recorded build requirements",), [_pin(item) for item in self._pinned]
            options: tuple[str, ...] = ("--no-deps", "--require-hashes")
        else:
            lines, options = list(map(_plain, requirements)), ()
        key = (*sorted(lines), "", *sorted(map(_pin, beside)))
        if lines and key not in self._known:
            self._known[key] = self._download(lines, requirements, options, beside)
        return self._known.get(key, ())

    def _download(
        self, lines: Sequence[str], named: Sequence[str], options: Sequence[str], beside: Sequence[BuildRequirement]
    ) -> tuple[BuildRequirement, ...]:
        target = self._folder / f"of-{len(self._known)}"
        target.mkdir()
        (self._home / "requirements.txt").write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        settled = "" if self._pinned else "".join(f"{item.name}=={item.version}\n" for item in beside)
        (self._home / "settled.txt").write_text(settled, encoding="utf-8")
        argv = [*_PIP, "download", "--only-binary", ":all:", *_QUIET, *options, "--dest", str(target)]
        argv += ["--requirement", "requirements.txt", "--constraint", "settled.txt"]
        settings = pip_settings()
        done = run_confined(
            argv, _profile(target, self._home, settings), cwd=self._home,
            env=_environment(self._home, settings), timeout=_SECONDS,
        )  # fmt: skip
        _refuse_failure(done, f"the build requirements {', '.join(named)} cannot be installed")
        fetched = {_described(path): path for path in target.iterdir()}
        self._paths |= fetched
        return tuple(sorted(fetched))


def _plain(line: str) -> str:
    """Return a requirement as it is written out; a backend says some of them, and a line could be an option to pip."""
    try:
        requirement = Requirement(line)
    except InvalidRequirement as defect:
        reason = str(defect).splitlines()[0]
        raise BackendFailed(f"the build requires {line[:200]!r}: {reason}", help="name distributions") from None
    if requirement.url:
        raise BackendFailed(
            f"the build requires a place instead of a version: {line[:200]!r}", help="name a published version"
        )
    return str(requirement)


def _pin(requirement: BuildRequirement) -> str:
    if not _SHA256.fullmatch(requirement.sha256):
        raise BackendFailed(f"{requirement.sha256[:80]!r} is no SHA-256 digest", help="is the provenance damaged?")
    return f"{_plain(f'{requirement.name}=={requirement.version}')} --hash=sha256:{requirement.sha256}"


def _described(path: Path) -> BuildRequirement:
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        raise BackendFailed(f"pip fetched {path.name}, which is no wheel", help="see `pip config list`") from None
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return BuildRequirement(str(name), str(version), digest, path.name)


def _profile(target: Path, home: Path, settings: PipSettings) -> Profile:
    return Profile(
        read=(*interpreter.read_paths(), *settings.readable),
        write=(str(target), str(home), *settings.writable),
        sockets="outbound",
        memory_bytes=2048 * MIB,
        open_files=512,
        file_bytes=1024 * MIB,
        metadata_changes="ignore",
        allow_weaker=True,
    )


def _environment(home: Path, settings: PipSettings) -> dict[str, str]:
    return {**settings.environment, "HOME": str(home), "TMPDIR": str(home), "PATH": "", "LANG": "C.UTF-8"}


def _refuse_failure(done: Completed, what: str) -> None:
    if done.timed_out:
        raise BackendFailed(f"{what}: pip did not finish within {_SECONDS} s", help="check the network")
    if done.returncode:
        output = done.stderr.decode("utf-8", "replace")
        raise BackendFailed(f"{what}:\n{tail(output)}", help="check the network and `pip config list`")


def tail(output: str) -> str:
    """Return the last lines of a program's output."""
    return "\n".join([line for line in output.splitlines() if line.strip()][-_TAIL_LINES:])
