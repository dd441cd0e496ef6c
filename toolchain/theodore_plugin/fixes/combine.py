"""Many fixes on the same files: those that do not touch each other are applied together, the others wait a round."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from theodore_plugin.fixes.model import Edit, Fix


def compatible(fixes: Iterable[Fix]) -> tuple[Fix, ...]:
    """Take every fix whose edits are apart from those taken before; where two meet, the first wins."""
    taken: list[Fix] = []
    edits: dict[str, list[Edit]] = {}
    for fix in fixes:
        if all(_fits(edit, edits.get(edit.path, ())) for edit in fix.edits) and _is_apart(fix):
            taken.append(fix)
            for edit in fix.edits:
                edits.setdefault(edit.path, []).append(edit)
    return tuple(taken)


def apply(files: Mapping[str, bytes], fixes: Iterable[Fix]) -> dict[str, bytes]:
    """Return the files that ``compatible`` fixes change, as they are afterwards.

    Raises ValueError if a file is not the one the fixes were computed from.
    """
    by_path: dict[str, dict[Edit, None]] = {}
    for fix in fixes:
        for edit in fix.edits:
            by_path.setdefault(edit.path, {})[edit] = None
    return {path: _edited(path, files[path], list(edits)) for path, edits in by_path.items()}


def _edited(path: str, data: bytes, edits: list[Edit]) -> bytes:
    pieces, position = [], 0
    for edit in sorted(edits, key=lambda item: item.start):  # stable: insertions at one place keep their order
        if data[edit.start : edit.end] != edit.before:
            raise ValueError(f"{path} is not the file that was checked")
        pieces += [data[position : edit.start], edit.after]
        position = edit.end
    return b"".join([*pieces, data[position:]])


def _fits(edit: Edit, others: Iterable[Edit]) -> bool:
    return all(edit == other or _together(edit, other) for other in others)


def _is_apart(fix: Fix) -> bool:
    """Whether a fix's own edits leave each other alone."""
    return all(_fits(edit, fix.edits[:number]) for number, edit in enumerate(fix.edits))


def _together(one: Edit, other: Edit) -> bool:
    """Whether two edits stay apart; edits that meet do not, except list items added at the same place."""
    if one.start == one.end == other.start == other.end:
        return one.joins and other.joins
    return one.end < other.start or other.end < one.start
