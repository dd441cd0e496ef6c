"""A secret written into the source."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.project import SourceFile
from theodore_plugin.rules.code.secret_shapes import SECRET_NAME, formats_in, looks_random
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.sites import Site

RULE = Rule(
    name="hardcoded-secret",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="The source holds a key, token, password or private key.",
    why="Everybody who can download the plugin can use it, and taking it out later does not take it back.",
    remedy="Revoke it, and ask for it in the configuration or as an environment variable that is declared.",
    bad=(
        Example('API_KEY = "q8Zt4vXw0LmB71nRkYcD"\n', "a random text with a telling name"),
        Example('URL = "postgresql://reader:h7Kq02mVx9Lw@db.internal.net/sales"\n', "a password in a URL"),
        Example('def client(make):\n    return make(client_secret="9f8a4c1de77b20463a5f0c9b")\n', "as an argument"),
    ),
    good=(
        Example('import os\n\nAPI_KEY = os.environ["ACME_KEY"]\n', "from outside"),
        Example('API_KEY = "your-api-key-here-123"\nHEADER = "X-Api-Key"\n', "a stand-in, a name"),
        Example('DIGEST = "9f8a4c1de77b20463a5f0c9b"\n', "random, and not called a secret"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look for known formats in every file's text, and for random values of telling names. Never shows a value."""
    seen: set[tuple[str, int]] = set()
    for location, what in [*_formats(context), *_named(context)]:
        if (location.path, location.line) not in seen:
            seen.add((location.path, location.line))
            yield report(RULE, location, f"{what} stands in the source")


def _formats(context: RuleContext) -> Iterator[tuple[Location, str]]:
    written = [found for file in context.project.files for found in _in_text(file)]
    yield from written
    lines = {(location.path, location.line) for location, _label in written}
    for site, node in context.sites.of(m.Constant):
        here = range(node.span.line, node.span.end_line + 1)
        if isinstance(node.value, str) and len(here) > 1 and not any((site.facts.path, line) in lines for line in here):
            for label, _start, _end in formats_in(node.value):  # a literal written in pieces
                yield site.location, label


def _in_text(file: SourceFile) -> Iterator[tuple[Location, str]]:
    text = file.data.decode("utf-8", "replace")
    for label, start, end in formats_in(text):
        yield Location(file.path, *_position(text, start), *_position(text, end)), label


def _position(text: str, offset: int) -> tuple[int, int]:
    return text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)


def _named(context: RuleContext) -> Iterator[tuple[Location, str]]:
    for site, node in context.sites.of(m.Assign):
        for target in node.targets:
            yield from _if_secret(site, _name(target), node.value)
    for site, call in context.sites.of(m.Call):
        for argument in call.arguments:
            yield from _if_secret(site, argument.keyword, argument.value)
    for site, mapping in context.sites.of(m.Mapping):
        for key, value in mapping.items:
            yield from _if_secret(site, _text(key), value)


def _if_secret(site: Site, name: str | None, value: m.Expr | None) -> Iterator[tuple[Location, str]]:
    text = _text(value)
    if name and text and value is not None and SECRET_NAME.search(name.replace("-", "_")) and looks_random(text):
        yield value.span.at(site.facts.path), f"the value of {name}"


def _name(target: m.Expr) -> str | None:
    if isinstance(target, m.Name):
        return target.id
    if isinstance(target, m.Subscript):
        return _text(target.index)
    return target.attr if isinstance(target, m.Attribute) else None


def _text(value: m.Expr | None) -> str | None:
    if not isinstance(value, m.Constant):
        return None
    if isinstance(value.value, bytes):
        return value.value.decode("latin-1")
    return value.value if isinstance(value.value, str) else None
