"""Folders this host has checked completely before: what is in them needs to be hashed only, as long as it is the same.

::

    <home>/receipts/tree-<key>      the seal on the rest (:mod:`.seal`), newline, JSON: every file with its SHA-256

The key is a digest of everything the earlier check rested on. A table that is damaged, edited or from another home is
none, and the folder is checked completely again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

import msgspec

from theodore_loader import strict_json
from theodore_loader.artifact import tree
from theodore_loader.errors import ConfigurationProblem
from theodore_loader.paths import private_dir
from theodore_loader.trust.protected import read_protected
from theodore_loader.trust.seal import Seal
from theodore_loader.whole_file import replace_file

FORMAT = 1
"""Raised whenever what is checked of a folder changes."""
_MAX_BYTES = 64 << 20


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    files: dict[str, str]


class KnownTrees:
    """The tables of one state folder; safe for several processes, and never a reason to fail."""

    def __init__(self, home: Path) -> None:
        self._folder = home / "receipts"
        self._seal = Seal(home)

    def holds(self, key: str, root: Path) -> bool:
        """Tell whether ``root`` was checked under ``key``, and holds to the byte what it held then; all is hashed."""
        with suppress(OSError, ConfigurationProblem, msgspec.DecodeError):
            seal, _, body = read_protected(self._path(key), _MAX_BYTES).partition(b"\n")
            if self._seal.fits(seal, body):
                table = msgspec.json.decode(body, type=_Table)
                found = tree.contents(root)
                return table.key == key and found is not None and table.files == _digests(found)
        return False

    def keep(self, key: str, files: Mapping[str, bytes]) -> None:
        """Remember what a folder that was checked under ``key`` holds."""
        body = msgspec.json.encode(_Table(key, _digests(files)))
        with suppress(OSError, ConfigurationProblem):
            private_dir(self._folder)
            seal = self._seal.on(body)
            if seal is not None:
                replace_file(self._path(key), seal + b"\n" + body)

    def _path(self, key: str) -> Path:
        return self._folder / f"tree-{key}"


def key_of(*rests_on: str | bool | None) -> str:
    """Return the key for what a check rested on."""
    return hashlib.sha256(strict_json.canonical([FORMAT, _version(), *rests_on])).hexdigest()


@cache
def _version() -> str:
    return version("theodore-plugin")


def _digests(files: Mapping[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files.items()}
