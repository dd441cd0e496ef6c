"""Keep an answer for :mod:`.replay`: atomically, privately, and not without end."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable

from theodore_plugin.cli import replay
from theodore_plugin.store.catalogue import ANSWERS
from theodore_plugin.survey.witness import LEFT_OUT, MAYBE_PACKAGES, UNSEEN, Unwitnessed, witness

_CLOCK_NS = 50_000_000
"""How much older than the run a file must be to be sure it was read as it is: file systems round their times."""


def keep(asked: replay.Question, started_ns: int, inputs: Iterable[tuple[str, str]], answer: replay.Answer) -> None:
    """Keep an answer that rests on ``inputs`` (kind and path), unless one of them changed while it was computed.

    A cache that cannot be written is no failure of the command: the answer is computed again next time.
    """
    store = ANSWERS.opened()
    if store is None or str(store.folder) != asked.folder:
        return
    try:
        witnesses = sorted({witness(kind, path) for kind, path in inputs})
        since = started_ns - _CLOCK_NS
        if any(_touched(path, since, _unwatched(kind)) for kind, path, _ in witnesses if kind != "site"):
            return
    except (OSError, Unwitnessed):
        return
    store.put(asked.key, replay.packed(asked.key, witnesses, answer))
    store.trim()


def _unwatched(kind: str) -> frozenset[str]:
    return (UNSEEN | LEFT_OUT) - MAYBE_PACKAGES if kind == "whole" else UNSEEN


def _touched(path: str, since_ns: int, unwatched: frozenset[str]) -> bool:
    """Whether a file, or anything in a folder, was changed after a moment (status time: it cannot be set back)."""
    pending = [path]
    while pending:
        current = pending.pop()
        try:
            status = os.lstat(current)
            if status.st_ctime_ns >= since_ns:
                return True
            if stat.S_ISDIR(status.st_mode):
                pending.extend(entry.path for entry in os.scandir(current) if entry.name not in unwatched)
        except FileNotFoundError:
            continue
    return False
