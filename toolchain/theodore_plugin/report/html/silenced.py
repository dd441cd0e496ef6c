"""What does not count: suppressions with their reasons, baselined findings, exceptions of the policy."""

from __future__ import annotations

from theodore_plugin.finding import Finding
from theodore_plugin.report.html.context import Context, code, folded, place, plural, table
from theodore_plugin.report.html.findings import severity_label
from theodore_plugin.report.html.markup import Child, Html, element, text
from theodore_plugin.report.model import ExceptionRecord, SuppressionRecord

MAX_LISTED = 1000
MAX_CELL = 20
_HEADERS = ("Where", "Rules", "Reason", "Until", "Silenced")


def silenced(context: Context) -> Html | None:
    """Return the section of what does not count, or nothing where everything does."""
    report = context.report
    parts = [
        _suppressions(report.suppressions),
        _exceptions(report.exceptions),
        _aside(context, "accepted by the baseline", report.baselined),
    ]
    if not any(parts):
        return None
    return context.section("silenced", "Set aside", *parts)


def _exceptions(records: tuple[ExceptionRecord, ...]) -> Html | None:
    if not records:
        return None
    headers = ("Policy", "Rules", "Reason", "Owner", "Until", "Accepts")
    rows = [
        (code(one.place), _rules(one.rules), one.reason, one.owner, one.until.isoformat(), _findings(one.excepted))
        for one in records[:MAX_LISTED]
    ]
    return table("Exceptions of the policy", headers, rows)


def _suppressions(records: tuple[SuppressionRecord, ...]) -> Html | None:
    if not records:
        return None
    return table("Suppressions in the source", _HEADERS, [_row(record) for record in records[:MAX_LISTED]])


def _row(record: SuppressionRecord) -> tuple[Child, ...]:
    return (
        place(record.location),
        _rules(record.rules),
        text(record.reason) if record.reason else element("span", "none given", class_="standing bad"),
        record.until.isoformat() if record.until else "no end",
        _findings(record.silenced),
    )


def _rules(names: tuple[str, ...]) -> Child:
    return [(code(rule), " ") for rule in names] or "every rule"


def _findings(several: tuple[Finding, ...]) -> Child:
    shown = [element("div", severity_label(found), " ", text(found.message, limit=300)) for found in several[:MAX_CELL]]
    if len(several) > MAX_CELL:
        shown.append(element("div", f"and {len(several) - MAX_CELL:,} more", class_="quiet"))
    return shown or element("span", "nothing", class_="quiet")


def _aside(context: Context, name: str, found: tuple[Finding, ...]) -> Html | None:
    if not found:
        return None
    items = [
        element(
            "li",
            severity_label(one),
            " ",
            code(one.rule),
            " ",
            place(one.location),
            " ",
            text(one.message, limit=300),
            id=context.anchor(one),
        )
        for one in found[:MAX_LISTED]
    ]
    return folded(
        f"{plural(len(found), 'finding')} {name}", element("ul", items, class_="listed"), open_=len(found) <= 20
    )
