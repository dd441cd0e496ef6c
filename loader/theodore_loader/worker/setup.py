"""What a worker is told in ``hello``: everything it needs to confine itself, decided by the host."""

from __future__ import annotations

import msgspec

from theodore_loader.permissions import Permission
from theodore_loader.sandbox.profile import Profile


class Setup(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The grants, limits and folders of one worker.

    ``grants`` are (type, pattern) pairs; ``folders`` the plugin's own ``data``, ``cache`` and ``tmp``; ``roots``
    the folders its modules are imported from, plugin first; ``environment`` the granted variables, handed over
    here and not through ``exec`` because a variable such as ``LD_PRELOAD`` acts before any layer exists.
    """

    name: str
    version: str
    grants: tuple[tuple[str, str], ...]
    folders: dict[str, str]
    roots: tuple[str, ...]
    environment: dict[str, str]
    profile: Profile

    def permissions(self) -> tuple[Permission, ...]:
        """Return the grants as permissions."""
        return tuple(Permission.parse(kind, pattern) for kind, pattern in self.grants)


read_setup = msgspec.msgpack.Decoder(Setup).decode
"""Read what the host sent in ``hello``. Raises ``msgspec.ValidationError``."""
