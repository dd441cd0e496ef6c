"""The owner's own list: a file beside the trust file, unsigned and protected like it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.trust.protected import file_state, read_protected
from theodore_loader.trust.revocations.document import MAX_BYTES, ListInvalid, read_document
from theodore_loader.trust.revocations.index import InMemory, by_key
from theodore_loader.trust.revocations.signed import Facts, facts_of

FILE_NAME = "revocations.json"


@dataclass(frozen=True, slots=True)
class OwnList:
    """The owner's own list as read."""

    facts: Facts
    index: InMemory


def own_path(trust_file: Path) -> Path:
    """Return where the list belongs that goes with a trust file."""
    return trust_file.with_name(FILE_NAME)


def own_list(path: Path) -> OwnList | None:
    """Read the owner's list, ``None`` where there is none; raises ConfigurationProblem where it is damaged."""
    try:
        return _read(path, file_state(path.stat()))
    except FileNotFoundError:
        return None


@lru_cache(maxsize=4)
def _read(path: Path, _state: tuple[int, ...]) -> OwnList:
    data = read_protected(path, MAX_BYTES)
    try:
        document = read_document(data)
    except ListInvalid as error:
        raise ConfigurationProblem(
            f"the revocation list {path} is damaged: {error}", help="restore it; while it is damaged nothing is trusted"
        ) from None
    return OwnList(facts_of(document, hashlib.sha256(data).hexdigest()), InMemory(by_key(document.entries)))
