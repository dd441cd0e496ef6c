"""Summaries on disk, found by what they were made from.

The key names the bytes of the distribution, the capability map, the interpreter's syntax and the code that makes
summaries. Head and summary are entries of their own: going on to what else is needed takes the head alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import msgspec

from theodore_plugin.inference.summaries.model import Summary
from theodore_plugin.store.catalogue import SUMMARIES
from theodore_plugin.store.code import code_digest
from theodore_plugin.store.store import Store, key_of


class Head(msgspec.Struct, frozen=True):
    """What is needed to go on without reading the summary."""

    roots: tuple[str, ...]
    needs: tuple[str, ...]
    gaps: tuple[tuple[str, str], ...]


T = TypeVar("T", Head, Summary)


@dataclass(frozen=True, slots=True)
class SummaryStore:
    """Summaries of one user."""

    store: Store

    @classmethod
    def of_user(cls) -> SummaryStore | None:
        """Open this user's; ``None`` where there is no folder that only this user can write."""
        store = SUMMARIES.opened()
        return None if store is None else cls(store)

    def key(self, distribution: str, capabilities: str) -> str:
        """Return the name of the summary of a distribution, by its digest and the map's."""
        return key_of(code_digest("inference"), code_digest("facts"), distribution, capabilities)

    def head(self, key: str) -> Head | None:
        """Read the head of a summary; ``None`` if there is none, or it is damaged."""
        return _decoded(self.store.get(_head(key)), Head)

    def load(self, key: str) -> Summary | None:
        """Read a summary; ``None`` if there is none, or it is damaged."""
        return _decoded(self.store.get(key), Summary)

    def save(self, key: str, summary: Summary) -> None:
        """Write a summary, the head last: a head says that there is a summary."""
        self.store.put(key, msgspec.msgpack.encode(summary))
        self.store.put(_head(key), msgspec.msgpack.encode(Head(summary.roots, summary.needs, summary.gaps)))

    def trim(self) -> None:
        """Remove the summaries unused for longest if all together are too large."""
        self.store.trim()


def _head(key: str) -> str:
    return f"{key}-head"


def _decoded(data: bytes | None, kind: type[T]) -> T | None:
    try:
        return None if data is None else msgspec.msgpack.decode(data, type=kind)
    except msgspec.MsgspecError:
        return None
