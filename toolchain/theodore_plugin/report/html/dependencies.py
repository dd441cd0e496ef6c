"""Dependencies: each one the audit was given, and what is known against it."""

from __future__ import annotations

from theodore_plugin.report.html.context import Context, code, plural, prose, table
from theodore_plugin.report.html.markup import Child, Html, element, text
from theodore_plugin.report.model import AuditedDependency, Vulnerability

MAX_ROWS = 1000
MAX_SUMMARY = 300
_HEADERS = ("Package", "Audit", "Known vulnerabilities")
_STATUS = {"audited": "good", "failed": "bad", "skipped": "unsure"}


def dependencies(context: Context) -> Html:
    """Return the section of dependencies, the vulnerable ones first."""
    given = sorted(context.report.dependencies, key=lambda one: (not one.vulnerabilities, one.name, one.version))
    if not given:
        return context.section("dependencies", "Dependencies", element("p", _none(context), class_="quiet"))
    rows = [_row(one) for one in given[:MAX_ROWS]]
    left = len(given) - MAX_ROWS
    said = f"{plural(left, 'further package')}; the JSON report lists all."
    more = element("p", said, class_="quiet") if left > 0 else None
    return context.section("dependencies", "Dependencies", table(_caption(context), _HEADERS, rows), more)


def _none(context: Context) -> str:
    details = [run.detail for run in context.report.scanners if run.name == "pip-audit" and run.detail]
    return f"Not audited: {details[0]}." if details else "No dependencies were audited."


def _caption(context: Context) -> str:
    label = context.report.advisories
    if label is None:
        return "What the lock installs"
    return f"What the lock installs, asked of {label.source}" + (f", dated {label.date}" if label.date else "")


def _row(one: AuditedDependency) -> tuple[Child, ...]:
    status = element("span", one.status, class_=f"standing {_STATUS.get(one.status, 'unsure')}")
    known = [_vulnerability(item) for item in one.vulnerabilities]
    none_known = "none" if one.status == "audited" else "not known"
    nothing = element("span", none_known, class_="quiet")
    reason = prose(one.reason) if one.reason else None
    return (
        (code(one.name), " ", one.version),
        (status, " ", reason),
        element("ul", known, class_="plain") if known else nothing,
    )


def _vulnerability(item: Vulnerability) -> Html:
    return element(
        "li",
        _named(item),
        element("span", text(f" {item.severity}"), class_="remark") if item.severity else None,
        element("div", text(item.summary, limit=MAX_SUMMARY)) if item.summary else None,
        element("div", f"fixed in {', '.join(item.fixed)}" if item.fixed else "no fixed version is known"),
        element("div", text(f"also {', '.join(item.aliases)}"), class_="quiet") if item.aliases else None,
    )


def _named(item: Vulnerability) -> Html:
    if item.url.startswith("https://"):
        return element("a", item.id, href=item.url, rel="noreferrer")
    return code(item.id)
