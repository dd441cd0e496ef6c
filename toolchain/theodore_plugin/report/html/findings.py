"""Findings, grouped by rule, those that matter most first.

Ten thousand findings make a page of a few megabytes: the first of each rule are shown with code and evidence,
further ones as one line each, and beyond :data:`MAX_LISTED` only counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from theodore_plugin.finding import Finding, Rule, Severity, Silencer
from theodore_plugin.report.foreign_rules import foreign_rule
from theodore_plugin.report.html.chain import chain
from theodore_plugin.report.html.code import frame
from theodore_plugin.report.html.context import Context, code, folded, place, plural, prose
from theodore_plugin.report.html.markup import Html, element, text
from theodore_plugin.report.model import blocks
from theodore_plugin.report.outcome import rank
from theodore_plugin.rules.book import rule_book

MAX_IN_FULL = 400
"""Findings of one project that are shown with code."""
MAX_IN_FULL_PER_RULE = 40
MAX_LISTED = 5000
"""Findings of one project that are shown at all."""
SILENCERS = {
    Silencer.INLINE: "The author may silence it on its line, with a reason.",
    Silencer.POLICY: "Only the policy's owner may silence it.",
    Silencer.NOBODY: "Nobody can silence it.",
}
_FILTERS = (Severity.INCOMPLETE, Severity.ERROR, Severity.WARNING, Severity.NOTICE)


@dataclass(slots=True)
class _Room:
    """How much more may be shown."""

    in_full: int = MAX_IN_FULL
    listed: int = MAX_LISTED


def findings(context: Context) -> Html:
    """Return the section of findings."""
    report = context.report
    if not report.findings:
        return context.section("findings", "Findings", element("p", "No findings.", class_="quiet"), *_hidden(context))
    room = _Room()
    groups = [_group(context, rule, of_rule, room) for rule, of_rule in grouped(report.findings)]
    return context.section("findings", "Findings", filters(context), *groups, *_hidden(context))


def grouped(found: Sequence[Finding]) -> list[tuple[str, list[Finding]]]:
    """Return the findings by rule; a group stands where its worst finding would, then by number and name."""
    by_rule = [
        (rule, sorted(of_rule, key=lambda finding: (rank(finding), finding.sort_key)))
        for rule, of_rule in groupby(sorted(found, key=lambda finding: finding.rule), key=lambda finding: finding.rule)
    ]
    return sorted(by_rule, key=lambda pair: (rank(pair[1][0])[0], -len(pair[1]), pair[0]))


def filters(context: Context) -> Html | None:
    """Return check boxes that hide a severity; the style sheet does it, without any script."""
    tally = context.report.tally()
    present = [severity for severity in _FILTERS if tally[severity]]
    if len(present) < 2:
        return None
    boxes = [
        element(
            "label",
            element("input", type="checkbox", checked=True, class_=f"show-{severity.value}"),
            f" {severity.value} ",
            element("span", f"{tally[severity]:,}", class_="count"),
        )
        for severity in present
    ]
    return element("fieldset", element("legend", "Show"), boxes, class_="filters")


def _hidden(context: Context) -> Iterator[Html]:
    if context.report.hidden:
        by = ", ".join(context.report.hidden_by) or "--persona regular"
        said = f"{plural(context.report.hidden, 'finding')} not shown, because of {by}."
        yield element("p", said, class_="quiet")


def _group(context: Context, rule: str, found: Sequence[Finding], room: _Room) -> Html:
    in_full = min(room.in_full, MAX_IN_FULL_PER_RULE, len(found)) if _has_more(context, found) else 0
    listed = max(0, min(room.listed - in_full, len(found) - in_full))
    room.in_full -= in_full
    room.listed -= in_full + listed
    return element(
        "section",
        context.heading(1, code(rule), " ", element("span", plural(len(found), "finding"), class_="count")),
        about(rule),
        [finding_block(context, finding) for finding in found[:in_full]],
        _listed(context, found[in_full : in_full + listed], folds=in_full > 0),
        _left(len(found) - in_full - listed),
        class_=f"group {' '.join(sorted({f'has-{finding.severity.value}' for finding in found}))}",
        id=f"{context.prefix}rule-{rule.replace('/', '-')}",
    )


def _has_more(context: Context, found: Sequence[Finding]) -> bool:
    """Tell whether any of the findings says more than a line."""
    sources = context.report.sources
    return any(one.help or one.evidence or frame(one.location, sources) for one in found)


def about(rule: str) -> Html | None:
    """Say what a rule is about, and who may silence it."""
    known = rule_book().get(rule)
    return _own_rule(known) if known else _foreign_rule(rule)


def _own_rule(rule: Rule) -> Html:
    return folded(
        prose(rule.summary),
        element("p", prose(rule.why)),
        element("p", element("strong", "What helps: "), prose(rule.remedy)),
        element("p", SILENCERS[rule.silencer], " ", code(f"theodore-plugin explain {rule.name}"), " has examples."),
        class_="about",
    )


def _foreign_rule(rule: str) -> Html | None:
    known = foreign_rule(rule)
    if known is None:
        return None
    link = element("a", known.url, href=known.url, rel="noreferrer") if known.url else None
    return element("p", prose(known.summary), " ", link, class_="about")


def finding_block(context: Context, finding: Finding) -> Html:
    """Return one finding with everything known about it."""
    anchor = context.anchor(finding)
    link = element("a", "#", href=f"#{anchor}", class_="anchor", aria_label="Link to this finding") if anchor else None
    return element(
        "article",
        context.heading(2, severity_label(finding), " ", prose(finding.message), " ", link),
        element("p", place(finding.location), _remarks_of(context, finding), class_="where"),
        frame(finding.location, context.report.sources),
        element("p", element("strong", "Help "), prose(finding.help), class_="help") if finding.help else None,
        _evidence(finding, context.report.sources),
        class_=f"finding {finding.severity.value}",
        id=anchor,
    )


def severity_label(finding: Finding) -> Html:
    """Return the severity as a word, and whether it blocks."""
    return element("span", finding.severity.value, class_=f"severity {finding.severity.value}")


def _remarks_of(context: Context, finding: Finding) -> list[Html | str]:
    return [part for remark in _remarks(context, finding) for part in (" ", remark)]


def _remarks(context: Context, finding: Finding) -> Iterator[Html]:
    if finding.severity is Severity.ERROR and not blocks(finding):
        yield element("span", "does not block: low confidence", class_="remark")
    elif finding.confidence.value != "high":
        yield element("span", f"{finding.confidence.value} confidence", class_="remark")
    if finding.source != "theodore":
        yield element("span", text(f"found by {finding.source}"), class_="remark")
    fix = context.report.fix_of(finding)
    if fix is not None:
        option = "--fix" if fix.safe else "--fix --unsafe-fixes"
        yield element("span", code(option), " can ", text(fix.description), class_="remark")
    if finding.related:
        yield element("span", text(f"also reported as {', '.join(finding.related)}"), class_="remark")


def _evidence(finding: Finding, sources: Mapping[str, bytes]) -> Html | None:
    if not finding.evidence:
        return None
    return folded(
        f"How it gets there: {plural(len(finding.evidence), 'step')}",
        chain(finding.evidence, sources),
        open_=True,
        class_="evidence",
    )


def _listed(context: Context, found: Sequence[Finding], *, folds: bool) -> Html | None:
    if not found:
        return None
    rows = [
        element(
            "li",
            severity_label(finding),
            " ",
            place(finding.location),
            " ",
            text(finding.message, limit=300),
            _remarks_of(context, finding),
            id=context.anchor(finding),
            class_=f"finding {finding.severity.value}",
        )
        for finding in found
    ]
    several = element("ul", rows, class_="listed")
    return folded(f"{len(found):,} more", several) if folds else several


def _left(count: int) -> Html | None:
    if count <= 0:
        return None
    return element("p", f"{plural(count, 'further finding')} of this rule; the JSON report lists all.", class_="quiet")
