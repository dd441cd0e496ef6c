"""What an upgrade gains and loses: rows of two surveys compared, not places, because lines move.

Two rows are the same if they agree in permission, access, target, the dependency they go through, and in whether it
happens while the package is imported. A new *unknown* counts as a gain: it is a permission nobody can name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from theodore_plugin.inference.model import Phase, Unknown
from theodore_plugin.survey.model import Row, Survey, Surveyed

_K = TypeVar("_K")
_V = TypeVar("_V")
_Key = tuple[str, str, str | None, str | None, bool]


@dataclass(frozen=True, slots=True)
class Difference:
    """What the new package can do and the old one could not, and the other way round."""

    old: Surveyed
    new: Surveyed
    gained: tuple[Row, ...]
    lost: tuple[Row, ...]
    gained_unknown: tuple[Unknown, ...]
    """One for each new reason."""
    lost_unknown: tuple[Unknown, ...]
    gained_files: tuple[str, ...]
    """Start-up hooks and machine code, as clauses."""
    lost_files: tuple[str, ...]
    complete: bool
    """Whether both sides were looked at completely."""

    @property
    def gains(self) -> bool:
        """Whether the new one can do more, or may."""
        return bool(self.gained or self.gained_unknown or self.gained_files)


def difference(old: Survey, new: Survey) -> Difference:
    """Compare two surveys."""
    old_rows, new_rows = _rows(old.rows), _rows(new.rows)
    old_unknown, new_unknown = _unknown(old.unknown), _unknown(new.unknown)
    old_files, new_files = _files(old), _files(new)
    return Difference(
        old=old.package,
        new=new.package,
        gained=_only_in(new_rows, old_rows),
        lost=_only_in(old_rows, new_rows),
        gained_unknown=_only_in(new_unknown, old_unknown),
        lost_unknown=_only_in(old_unknown, new_unknown),
        gained_files=_only_in(new_files, old_files),
        lost_files=_only_in(old_files, new_files),
        complete=old.complete and new.complete,
    )


def _only_in(these: Mapping[_K, _V], others: Mapping[_K, _V]) -> tuple[_V, ...]:
    return tuple(value for key, value in these.items() if key not in others)


def _rows(rows: Iterable[Row]) -> dict[_Key, Row]:
    found: dict[_Key, Row] = {}
    for row in rows:
        found.setdefault((row.type, row.access, row.target, row.through, row.phase is Phase.IMPORT), row)
    return found


def _unknown(unknown: Iterable[Unknown]) -> dict[str, Unknown]:
    found: dict[str, Unknown] = {}
    for item in unknown:
        found.setdefault(item.reason, item)
    return found


def _files(survey: Survey) -> dict[str, str]:
    """Describe files by what stays the same between builds: machine code carries platform and version in its name."""
    hooks = {f"hook {path}": f"start-up hook {path}" for path in survey.startup_hooks}
    native = {f"native {path.partition('.')[0]}": f"machine code {path}" for path in survey.native}
    return hooks | native
