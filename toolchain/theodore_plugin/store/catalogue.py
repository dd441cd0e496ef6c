"""Which stores there are, what lies in them, and how large they may become."""

from __future__ import annotations

from dataclasses import dataclass

from theodore_plugin.store.store import Store

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Kind:
    """One of our stores: the folder's name, what is in it, its bound in bytes."""

    name: str
    holds: str
    max_bytes: int

    def opened(self) -> Store | None:
        """Open this user's; ``None`` where there is no folder that only this user can write."""
        return Store.of_user(self.name, self.max_bytes)


FACTS = Kind("facts", "what source files consist of", 512 * MIB)  # about nine million lines
SUMMARIES = Kind("summaries", "what dependencies can do", 256 * MIB)
SCANS = Kind("scans", "what scanners found", 128 * MIB)
ANSWERS = Kind("answers", "what was printed for unchanged projects", 64 * MIB)
MYPY = Kind("mypy", "what mypy knows of projects it has checked", 384 * MIB)
KINDS = (FACTS, SUMMARIES, SCANS, ANSWERS, MYPY)


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder that something else than a store keeps within bounds: its name, what is in it, its bound in bytes."""

    name: str
    holds: str
    max_bytes: int | None = None


FOLDERS = (
    Folder("advisories", "advisory snapshots, indexed"),
    Folder("resolver", "what indexes said of distributions"),
    Folder("wheels", "wheels that `permissions` fetched"),
)
