"""Source that was made so that nobody can read it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.code.encoded_code_execution import DECODERS
from theodore_plugin.rules.code.flows import RUNS_SOURCE
from theodore_plugin.rules.code.secret_shapes import entropy
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.sites import Site

SCRAMBLED = re.compile(r"_{0,2}(?:0x|_0x|x)[0-9a-f]{4,}|[Il1]{6,}|[O0o]{6,}|[oO0Q]{8,}|_{5,}\w{0,3}|[lI1|_]{8,}")
"""Names that obfuscators give: hexadecimal numbers, and letters that look alike."""
PROTECTORS = re.compile(r"(?:^|\.)(?:__pyarmor\w*__|pyarmor_runtime\w*|pytransform|sourcedefender)(?:\.|$)")
PROTECTOR_MARKS = (b"pyarmor", b"pytransform", b"sourcedefender")
MIN_SCRAMBLED, MIN_SHARE = 5, 0.3
MAX_STATEMENTS = 8
"""Statements on one line: written by hand, two are rare."""
MIN_LINE = 300
BLOB = 1_000
"""Characters of a literal that may hold a program."""
BLOB_BITS = 4.5
"""Entropy per character from which a long literal is neither language nor a table (English has about 4.2)."""

RULE = Rule(
    name="obfuscated-source",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="A file is minified, its names are scrambled, or a blob in it is decoded and run.",
    why="A plugin is trusted because people can read it; what cannot be read cannot be reviewed.",
    remedy="Ship the source as it was written.",
    bad=(
        Example("; ".join(f"a{number} = {number} * 1234567890 + {number}" for number in range(20)) + "\n", "minified"),
        Example(
            "".join(f"def _0x{number:04x}(_0x1f):\n    return _0x1f\n\n\n" for number in range(43981, 43988)),
            "scrambled names",
        ),
        Example("from pytransform import pyarmor_runtime\n\npyarmor_runtime()\n", "a protector"),
    ),
    good=(
        Example("PRIMES = (\n    " + ", ".join(str(number) for number in range(3, 25, 2)) + ",\n)\n", "a table"),
        Example("def _(text):\n    return text\n\n\nO0 = _('x')\n", "short names"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every file as a whole: its lines, its names, its literals."""
    for path, what in (*_minified(context), *_scrambled(context), *_protected(context), *_blobs(context)):
        yield report(RULE, path, what)


def _minified(context: RuleContext) -> Iterator[tuple[Location, str]]:
    """Find the first line of a file that is long and holds many statements."""
    counts: Counter[tuple[str, int]] = Counter()
    for kind in (m.Assign, m.ExprStatement, m.Function, m.If):
        counts.update((site.facts.path, site.node.span.line) for site, _node in context.sites.of(kind))
    lines = {file.path: file.data.splitlines() for file in context.project.files}
    told: set[str] = set()
    for (path, line), count in sorted(counts.items()):
        text = lines[path][line - 1] if line <= len(lines[path]) else b""
        if count >= MAX_STATEMENTS and len(text) >= MIN_LINE and path not in told:
            told.add(path)
            yield Location(path, line), f"{count} statements stand on one line of {len(text)} characters"


def _scrambled(context: RuleContext) -> Iterator[tuple[Location, str]]:
    names: dict[str, set[str]] = defaultdict(set)
    first: dict[str, Location] = {}
    for site, name in _defined(context):
        path = site.facts.path
        names[path].add(name)
        if SCRAMBLED.fullmatch(name):
            first[path] = min(site.location, first.get(path, site.location))
    for path, location in sorted(first.items()):
        bad = sum(1 for name in names[path] if SCRAMBLED.fullmatch(name))
        if bad >= MIN_SCRAMBLED and bad >= MIN_SHARE * len(names[path]):
            yield location, f"{bad} of {len(names[path])} names in this file are scrambled"


def _defined(context: RuleContext) -> Iterator[tuple[Site, str]]:
    for site, function in context.sites.of(m.Function):
        yield site, function.name
    for site, cls in context.sites.of(m.Class):
        yield site, cls.name
    for site, node in context.sites.of(m.Assign):
        for target in node.targets:
            if isinstance(target, m.Name):
                yield site, target.id


def _protected(context: RuleContext) -> Iterator[tuple[Location, str]]:
    for file in context.project.files:
        facts = context.facts.get(file.path)
        if facts is not None and any(mark in file.data for mark in PROTECTOR_MARKS):
            yield from islice(_unlocked(facts), 1)


def _unlocked(facts: m.ModuleFacts) -> Iterator[tuple[Location, str]]:
    for node in m.walk(facts.body):
        named = _imported(node) or (node.id if isinstance(node, m.Name) else "")
        if PROTECTORS.search(named):
            yield node.span.at(facts.path), f"{named} unlocks code that nobody can read"


def _imported(node: m.Node) -> str | None:
    if isinstance(node, m.Import):
        return node.target
    return f"{node.module}.{node.attribute}" if isinstance(node, m.ImportFrom) else None


def _blobs(context: RuleContext) -> Iterator[tuple[Location, str]]:
    """Find long random literals in files that decode something and run something."""
    decoding = {call.path for call, _name in context.inference.calls_of(*DECODERS)}
    running = {call.path for call, _name in context.inference.calls_of(*RUNS_SOURCE)}
    for site, node in context.sites.of(m.Constant):
        if site.facts.path not in decoding & running or not isinstance(node.value, (str, bytes)):
            continue
        text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
        if len(text) >= BLOB and entropy(text) >= BLOB_BITS and not any(letter in text for letter in " \n"):
            yield site.location, f"a literal of {len(text)} characters in a file that decodes and runs code"
