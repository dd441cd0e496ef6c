"""A rule's documentation as markdown, from what the rule says about itself; headings are fixed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from theodore_plugin.finding import Example, Rule, Silencer
from theodore_plugin.fixes.described import does, kind

MAX_LINES = 30
"""Longest example shown beside shorter ones."""

_COMMENT = '# theodore: ignore[{name}] reason="why this is fine"'
_COMMANDS = {
    "safe": "theodore-plugin check --fix",
    "unsafe": "theodore-plugin check --fix --unsafe-fixes",
}
_SUPPRESSING = {
    Silencer.INLINE: f"The author may silence it on its line, with a reason:\n\n```python\n{_COMMENT}\n```",
    Silencer.POLICY: "Only the policy's owner may silence it, or let authors do so under the policy's `suppressions`.",
    Silencer.NOBODY: "Nobody can silence it.",
}


def rule_page(rule: Rule) -> str:
    """Return the page of one rule."""
    return "\n".join(_lines(rule)).rstrip() + "\n"


def index_page(rules: Sequence[Rule]) -> str:
    """Return the page that lists every rule."""
    rows = [f"| [{rule.name}]({rule.name}.md) | {_level(rule)} | {rule.summary} |" for rule in rules]
    return "\n".join(["# Rules", "", "| rule | level | catches |", "|---|---|---|", *rows]) + "\n"


def _lines(rule: Rule) -> Iterator[str]:
    yield f"# {rule.name}"
    yield ""
    yield f"{_level(rule)}, {rule.confidence.value} confidence, fix: {kind(rule.name)}"
    yield from _section("What it does", rule.summary)
    yield from _section("Why it matters", rule.why)
    yield from _examples("Example", rule.bad)
    yield from _section("Use instead", rule.remedy)
    yield from _examples(None, rule.good)
    if does(rule.name):
        yield from _section("Fixing", f"{does(rule.name)}\n\n```console\n$ {_COMMANDS[kind(rule.name)]}\n```")
    yield from _section("Suppressing", _SUPPRESSING[rule.silencer].format(name=rule.name))


def _level(rule: Rule) -> str:
    return rule.severity.value


def _section(heading: str, text: str) -> Iterator[str]:
    yield from ("", f"## {heading}", "", text.strip())


def _examples(heading: str | None, examples: Sequence[Example]) -> Iterator[str]:
    if heading and examples:
        yield from ("", f"## {heading}")
    for example in _short(examples):
        if example.caption:
            yield from ("", example.caption)
        yield from ("", "```python", example.code.strip("\n"), "```")


def _short(examples: Sequence[Example]) -> Sequence[Example]:
    """Return the examples that fit a page; whole plugins only where there is nothing shorter."""
    return [example for example in examples if example.code.count("\n") <= MAX_LINES] or examples[:1]
