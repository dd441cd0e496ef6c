"""The top of a project: its verdict, why, what next, and under which rules it was judged."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Severity, Verdict
from theodore_plugin.report.html.context import Context, code, plural, prose
from theodore_plugin.report.html.markup import Child, Html, element
from theodore_plugin.report.model import AdvisoryLabel, Report
from theodore_plugin.report.outcome import next_steps, why

_TITLES = {Verdict.PASS: "Pass", Verdict.FAIL: "Fail", Verdict.INCOMPLETE: "Incomplete"}
_SIGNS = {Verdict.PASS: "✓", Verdict.FAIL: "✕", Verdict.INCOMPLETE: "?"}
SHORT = 12
"""Digits of a digest that are shown; all of them are in its tooltip and in the JSON report."""


def summary(context: Context) -> Html:
    """Return the verdict with its reasons, and the facts it stands on."""
    report = context.report
    return element(
        "div",
        element(
            "div",
            badge(report.verdict),
            element("div", element("p", prose(why(report)), class_="why"), _tally(report), class_="reasons"),
            class_=f"verdict {report.verdict.value}",
        ),
        _restricted(report),
        _differs(report),
        _next(report),
        element("dl", [_fact(name, value) for name, value in _facts(report)], class_="facts"),
        class_="summary",
    )


def badge(verdict: Verdict) -> Html:
    """Return the verdict as a word with a sign, so that colour is never all there is."""
    sign = element("span", _SIGNS[verdict], aria_hidden="true", class_="sign")
    return element("strong", sign, _TITLES[verdict], class_=f"word {verdict.value}")


def _tally(report: Report) -> Html | None:
    tally = report.tally()
    shown = [s for s in (Severity.INCOMPLETE, Severity.ERROR, Severity.WARNING, Severity.NOTICE) if tally[s]]
    items = [
        element(
            "li", element("b", f"{tally[severity]:,}"), " ", _noun(severity, tally[severity]), class_=severity.value
        )
        for severity in shown
    ]
    return element("ul", items, class_="tally", aria_label="Findings by severity") if items else None


def _noun(severity: Severity, count: int) -> str:
    if severity is Severity.INCOMPLETE:
        return "not looked at"
    return severity.value if count == 1 else f"{severity.value}s"


def _restricted(report: Report) -> Html | None:
    if report.selection is None:
        return None
    label = report.selection
    asked = [(code(option), " ") for option in label.asked]
    left = f"{plural(label.taken_out, 'finding')} left out, {label.blocking:,} of them blocking."
    return element("p", element("strong", "Selected rules only: "), asked, left, class_="caution")


def _differs(report: Report) -> Html | None:
    if report.profile is None or not report.profile.differences:
        return None
    said = element("strong", f"Not what {report.profile.name} would say: ")
    return element("p", said, "; ".join(report.profile.differences), class_="caution")


def _next(report: Report) -> Html | None:
    steps = next_steps(report)
    if not steps:
        return None
    items = [element("li", code(step) if step.startswith("theodore-plugin ") else prose(step)) for step in steps]
    return element("div", element("p", "Next"), element("ul", items), class_="next")


def _fact(name: str, value: Child) -> Html:
    return element("div", element("dt", name), element("dd", value))


def _facts(report: Report) -> Iterator[tuple[str, Child]]:
    project = report.project
    yield "Project", f"{project.name} {project.version}".strip()
    yield ("Wheel" if project.kind == "wheel" else "Source"), _source(report)
    yield "Policy", (report.policy.name, " ", _digest(report.policy.digest))
    if report.profile:
        yield "Profile", (report.profile.name, " ", _digest(report.profile.digest))
    yield "Rules", (f"theodore-plugin {report.tool_version} ", _digest(report.rule_set))
    yield "Tools", ", ".join(f"{run.name} {run.version}" for run in report.scanners) or "none"
    yield "Vulnerability data", _advisories(report.advisories)
    yield "Took", f"{report.seconds:.1f} s"


def _source(report: Report) -> Child:
    project = report.project
    if project.sha256 is None:
        return code(project.path)
    return (code(project.path), " ", _digest(project.sha256))


def _advisories(label: AdvisoryLabel | None) -> Child:
    if label is None:
        return element("span", "none was asked", class_="quiet")
    dated = f", dated {label.date}" if label.date else ""
    return (f"{label.source}{dated} ", _digest(label.digest) if label.digest else None)


def _digest(digits: str) -> Html:
    return element("code", digits[:SHORT], title=f"sha256:{digits}", class_="digest")
