"""Comments that silence nothing are removed. The engine finds them, so they are mended beside the other fixes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set

from theodore_plugin.finding import Finding, Location
from theodore_plugin.fixes.model import Edit, Fix, NoFix
from theodore_plugin.fixes.source import Source
from theodore_plugin.project.model import PluginProject
from theodore_plugin.scanners.overlap import OURS

RULE = "unused-suppression"
SAFE = True
DOES = (
    "Remove the rule from the comment, and the comment with its last rule. Offered only if every scanner ran: what a "
    "scanner would have said cannot be called unused without it."
)
_OURS = re.compile(r"#\s*theodore:\s*ignore\[(?P<rules>[^\]]*)\](?P<rest>.*)", re.IGNORECASE)
_FIELDS = re.compile(r"""\s*(?:reason\s*=\s*(?:"[^"]*"|'[^']*')|until\s*=\s*\S+)""")
_NOTHING = " reports nothing here"
_ALSO = {
    "known-vulnerability": {"pip-audit"},
    "hardcoded-secret": {"secrets"},
    "return-type-mismatch": {"mypy"},
    "async-mismatch": {"mypy"},
}
"""Tools whose findings are reported under a rule of ours without being listed one by one."""
SortKey = tuple[str, int, int, str, str]


def suppression_fixes(
    project: PluginProject, findings: Iterable[Finding], statuses: Mapping[str, str]
) -> Mapping[SortKey, Fix]:
    """Mend what can be said for sure; ``statuses`` tells how each scanner ran. A wheel has no fixes."""
    if project.is_wheel or not statuses or "failed" in statuses.values():
        return {}
    unused: dict[Location, dict[str, Finding]] = {}
    for finding in findings:
        rule = finding.message.removesuffix(_NOTHING)
        if finding.rule == RULE and rule != finding.message and _is_sure(rule, statuses):
            unused.setdefault(finding.location, {})[rule] = finding
    return {
        finding.sort_key: fix
        for location, rules in unused.items()
        if (fix := _fix(project, location, rules.keys())) is not None
        for finding in rules.values()
    }


def _is_sure(rule: str, statuses: Mapping[str, str]) -> bool:
    """Whether every tool ran whose findings the rule stands for."""
    tools = {native.partition("/")[0] for native, ours in OURS.items() if ours == rule} | _ALSO.get(rule, set())
    if "/" in rule:
        tools.add(rule.partition("/")[0])
    return all(statuses.get(tool) == "ok" for tool in tools)


def _fix(project: PluginProject, location: Location, rules: Set[str]) -> Fix | None:
    contents = {project.project_file: project.pyproject_text.encode()} | {f.path: f.data for f in project.files}
    try:
        edit = _without(Source(location.path, contents[location.path]), location, rules)
    except NoFix:
        return None
    return Fix(RULE, SAFE, (edit,), f"remove ignore[{', '.join(sorted(rules))}]")


def _without(source: Source, location: Location, rules: Set[str]) -> Edit:
    start, end = source.extent(location)
    found = _OURS.search(source.text[start:end])
    if found is None or _FIELDS.sub("", found["rest"]).strip():
        raise NoFix("the comment says more than what it silences")
    kept = [rule.strip() for rule in found["rules"].split(",") if rule.strip() not in rules]
    if kept:
        return source.replace(start + found.start("rules"), start + found.end("rules"), ", ".join(kept))
    begin = start + found.start()
    line = source.line_start(begin)
    before = source.text[line:begin]
    if not before.strip():
        return source.replace(line, source.line_end(begin), "")
    return source.replace(line + len(before.rstrip()), end, "")
