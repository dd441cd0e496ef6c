"""What ``package`` knows about a build and ``sign`` has to state: ``WHEEL.build.json``, left beside the wheel.

It is a note from one command to the next on one machine, not evidence: it is not signed and not published. ``sign``
uses it only for the very bytes it names, and what it says becomes the signer's word.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from theodore_loader import strict_json
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.regular_file import read_beyond
from theodore_plugin.packaging.atomic import write_atomically
from theodore_plugin.packaging.facts import BuildFacts
from theodore_plugin.packaging.git_tree import GitTree

SUFFIX = ".build.json"
_SCHEMA = 1
_MAX_BYTES = 1 << 20


class BuildRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One build: of which wheel (SHA-256), from which tree, with what, when, by which version of this program.

    ``tree`` is ``None`` where the sources are in no repository. ``reproducible`` tells whether builds under different
    circumstances gave these very bytes; ``None``: that was not tried.
    """

    wheel: str
    tree: GitTree | None
    facts: BuildFacts
    started: datetime
    finished: datetime
    tool: str
    reproducible: bool | None = None
    schema: int = _SCHEMA


@dataclass(frozen=True, slots=True)
class Known:
    """The record of a wheel's build, or why there is none."""

    record: BuildRecord | None
    lack: str = ""


def record_path(wheel: Path) -> Path:
    """Return where the record of a wheel's build is."""
    return wheel.with_name(wheel.name + SUFFIX)


def leave_record(wheel: Path, record: BuildRecord) -> None:
    """Write the record beside the wheel."""
    write_atomically(record_path(wheel), strict_json.canonical(msgspec.to_builtins(record)) + b"\n")


def find_record(wheel: Path, sha256: str) -> Known:
    """Return the record of the build that made exactly these bytes. Raises ConfigurationProblem for a damaged one."""
    path = record_path(wheel)
    try:
        data = read_beyond(path, _MAX_BYTES)
    except FileNotFoundError:
        return Known(None, f"no {path.name} of `theodore-plugin package` lies beside the wheel")
    try:
        record = msgspec.convert(strict_json.loads(data, max_bytes=_MAX_BYTES), BuildRecord)
    except (strict_json.JsonError, msgspec.ValidationError) as error:
        raise ConfigurationProblem(
            f"{path} cannot be read: {error}", help="package again, or remove the file to sign without provenance"
        ) from None
    if record.schema != _SCHEMA:
        raise ConfigurationProblem(f"{path} is of another version of theodore-plugin", help="package again")
    if record.wheel != sha256:
        return Known(None, f"{path.name} is about another build than this wheel")
    return Known(record)
