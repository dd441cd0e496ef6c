"""One Merkle tree with its name and its key: whatever is appended comes back with a signed checkpoint that was kept."""

from __future__ import annotations

from dataclasses import dataclass

from theodore_plugin.signing.local.checkpoint import PrivateKey, log_id, sign, signed_checkpoint
from theodore_plugin.signing.local.issued import Head
from theodore_plugin.signing.local.log import Appended, Log, Tree


@dataclass(frozen=True, slots=True)
class SignedTree:
    """A tree of ``log`` that speaks with ``key``."""

    log: Log
    name: Tree
    key: PrivateKey

    @property
    def origin(self) -> str:
        """Its name in checkpoints."""
        return self.log.issued[self.name].origin

    @property
    def id(self) -> bytes:
        """The log id by which trusted roots and entries name it."""
        return log_id(self.origin, self.key.public_key())

    def append(self, body: bytes, time: int) -> tuple[Appended, str]:
        """Append ``body``; returns its place and the checkpoint over it, already flushed to disk."""
        appended = self.log.append(self.name, body, time)
        return appended, self._checkpoint(Head(appended.size, appended.root))

    def sign(self, data: bytes) -> bytes:
        """Sign as this log does, anything but a checkpoint."""
        return sign(self.key, data)

    def checkpoint(self) -> tuple[Head, str]:
        """Return a checkpoint over everything there is now, kept unless one over the very same was."""
        head = self.log.head(self.name)
        if self.log.issued[self.name].last() == head:
            return head, self._signed(head)
        return head, self._checkpoint(head)

    def _checkpoint(self, head: Head) -> str:
        note = self._signed(head)
        self.log.issued[self.name].add(note)
        return note

    def _signed(self, head: Head) -> str:
        return signed_checkpoint(self.origin, head.size, head.root, self.key)
