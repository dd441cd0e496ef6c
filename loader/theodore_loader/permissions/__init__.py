"""What a permission covers: the pattern grammar of each type, and the order between permissions. Pure.

A permission is a set of resources. ``covers`` is set inclusion, ``overlaps`` and ``intersection`` are what
their names say, ``meet`` is the one permission that equals the intersection, where there is one.
Patterns are kept in normal form, so equal sets of resources have equal text. Grammar: ``docs/permissions.md``.
"""

from __future__ import annotations

from theodore_loader.permissions.errors import PatternError
from theodore_loader.permissions.permission import Permission

__all__ = ["PatternError", "Permission"]
