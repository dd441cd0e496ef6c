"""Permissions: asked for, seen in the source, and what will hold the plugin to them; then the calls, drawn."""

from __future__ import annotations

from theodore_plugin.report.enforcement import Enforcement
from theodore_plugin.report.html.chain import UNKNOWN_TARGET, chains
from theodore_plugin.report.html.context import Context, code, folded, plural, table
from theodore_plugin.report.html.markup import Child, Html, element, joined
from theodore_plugin.report.model import InferredPermission
from theodore_plugin.report.permission_rows import PermissionRow, Standing, permission_rows

MAX_CHAINS = 30
"""Ways to one permission that are drawn."""
MAX_ROWS = 200
_CLASSES = {
    Standing.USED: "good",
    Standing.UNUSED: "unsure",
    Standing.UNDECLARED: "bad",
    Standing.AMBIENT: "quiet",
}
_HEADERS = ("Permission", "Declared", "In the source", "Enforced by")


def permissions(context: Context) -> Html:
    """Return the section of permissions."""
    rows = permission_rows(context.report.permissions)
    if not rows:
        nothing = element("p", "None declared, and none seen in the source.", class_="quiet")
        return context.section("permissions", "Permissions", nothing)
    shown = rows[:MAX_ROWS]
    body = [_row(context, number, row) for number, row in enumerate(shown, start=1)]
    ways = [_way(context, number, row) for number, row in enumerate(shown, start=1) if row.uses]
    drawn = [context.heading(1, "How the code gets there"), *ways] if ways else []
    return context.section(
        "permissions",
        "Permissions",
        table("What the plugin asks for, what its source was seen to do, and what holds it", _HEADERS, body),
        _left(len(rows) - len(shown)),
        *drawn,
    )


def _left(count: int) -> Html | None:
    said = f"{plural(count, 'further row')}; the JSON report lists all."
    return element("p", said, class_="quiet") if count > 0 else None


def _row(context: Context, number: int, row: PermissionRow) -> tuple[Child, ...]:
    declared = row.reason if row.reason else element("span", "no", class_="quiet")
    standing = element("span", row.standing.value, class_=f"standing {_CLASSES[row.standing]}")
    uses = element("a", plural(len(row.uses), "place"), href=f"#{_anchor(context, number)}") if row.uses else None
    return (_name(row), declared, (standing, " ", uses), _held(row.enforced_by))


def _name(row: PermissionRow) -> Html:
    kind = element("span", row.type, class_="kind")
    return joined(kind, " ", code(row.pattern) if row.pattern is not None else UNKNOWN_TARGET)


def _held(several: tuple[Enforcement, ...]) -> Child:
    if not several:
        return element("span", "never granted", class_="quiet")
    return [
        element("div", element("span", one.holder.value, class_=f"holder {one.holder.value}"), " ", one.precision)
        for one in several
    ]


def _way(context: Context, number: int, row: PermissionRow) -> Html:
    several = dict.fromkeys((*use.chain, *use.within) for use in row.uses)
    left = len(several) - MAX_CHAINS
    more = element("p", f"and {plural(left, 'other way')}", class_="quiet") if left > 0 else None
    return folded(
        (_name(row), " ", element("span", _accesses(row.uses), class_="count")),
        chains(list(several)[:MAX_CHAINS], context.report.sources),
        more,
        open_=row.standing is not Standing.AMBIENT,
        id=_anchor(context, number),
        class_="way",
    )


def _accesses(uses: tuple[InferredPermission, ...]) -> str:
    through = sorted({use.through for use in uses if use.through})
    return ", ".join(sorted({use.access for use in uses})) + (f", through {', '.join(through)}" if through else "")


def _anchor(context: Context, number: int) -> str:
    return f"{context.prefix}permission-{number}"
