"""The record of decisions: append-only, hash-chained, bounded, shared by every process that uses the state folder.

::

    <home>/decisions/
        lock                  held while an entry is appended
        00000001.jsonl …      segments; the first entry of one carries the digest of the last entry before it
        head                  sequence number and digest of the newest entry that is certainly on disk

One line is one entry: a decision, ``seq``, and ``prev``, the SHA-256 of the line before (with its newline). What this
proves and what not is in ``docs/guide/decisions.md``.
"""

from theodore_loader.trust.decisions.decision import Decision, Outcome, RecordedPurpose, Step
from theodore_loader.trust.decisions.record import Decisions

__all__ = ["Decision", "Decisions", "Outcome", "RecordedPurpose", "Step"]
