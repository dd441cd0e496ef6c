"""A secret on its way into a log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.code.secret_shapes import SECRET_NAME
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.permissions.permission_combination import SECRET_VARIABLE
from theodore_plugin.rules.sites import Site
from theodore_sdk.info import PermissionType

LEVELS = frozenset({"critical", "debug", "error", "exception", "fatal", "info", "log", "warn", "warning"})
WRITERS = frozenset(
    {"builtins.print", "pprint.pprint", "rich.print", "sys.stderr.write", "sys.stdout.write", "warnings.warn"}
)
CARRIERS = frozenset({"builtins.bytes", "builtins.repr", "builtins.str"})
"""Calls that give the same text again; any other may have hidden it."""

RULE = Rule(
    name="secret-to-log",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="A password, key or token is logged, printed, or put into an exception's text.",
    why="Logs are kept, sent on and read by many; a secret in one has to be replaced.",
    remedy="Leave it out, or log that it is set.",
    bad=(
        Example(
            "import logging\n\nLOG = logging.getLogger(__name__)\n\n\ndef sign_in(user, password):\n"
            "    LOG.info('signing in %s with %s', user, password)\n",
            "as an argument",
        ),
        Example(
            "import os\n\n\ndef start():\n    print(f\"key: {os.environ['ACME_API_KEY']}\")\n", "from the environment"
        ),
    ),
    good=(
        Example(
            "import logging\n\nLOG = logging.getLogger(__name__)\n\n\ndef sign_in(user, password):\n"
            "    LOG.info('signing in %s, password %s', user, 'set' if password else 'missing')\n",
            "whether it is there",
        ),
        Example("def show(tokens, password):\n    print(len(tokens), len(password))\n", "how long it is"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at what goes into loggers, onto the screen, and into exceptions."""
    seen: set[Location] = set()
    read = _names_of_secrets(context)
    for site, values in [*_logged(context), *_raised(context)]:
        for value in values:
            for name in _shown(context, site, value):
                shown = read.get((*_place(site), name), name if SECRET_NAME.search(name) else None)
                if shown and site.location not in seen:
                    seen.add(site.location)
                    yield report(RULE, site.location, f"{shown} is written out in clear")


Place = tuple[str, m.Span | None]
"""A file, and the innermost definition."""


def _place(site: Site) -> Place:
    return site.facts.path, site.around[-1].span if site.around else None


def _names_of_secrets(context: RuleContext) -> dict[tuple[str, m.Span | None, str], str]:
    """Return the local names that hold a secret variable of the environment, with the variable's name."""
    reads: dict[str, list[tuple[Location, str]]] = defaultdict(list)
    for item in context.inference.permissions:
        target = item.target or ""
        if item.permission is PermissionType.ENVIRONMENT and SECRET_VARIABLE.search(target):
            reads[item.location.path].append((item.location, target))
    found: dict[tuple[str, m.Span | None, str], str] = {}
    for site, node in context.sites.of(m.Assign):
        for where, variable in reads.get(site.facts.path, ()):
            if node.value is not None and _holds(node.value, where):
                found.update({(*_place(site), t.id): variable for t in node.targets if isinstance(t, m.Name)})
    return found


def _holds(value: m.Expr, where: Location) -> bool:
    """Whether the value is what is read there: ``os.environ["X"]``, ``os.getenv("X", "")``, one or the other."""
    options = value.options if isinstance(value, m.Choice) else (value,)
    starts = {(option.span.line, option.span.column + 1) for option in options}
    return (where.line, where.column) in starts


def _logged(context: RuleContext) -> Iterator[tuple[Site, tuple[m.Expr, ...]]]:
    for site, call in context.sites.of(m.Call):
        if _is_logger(call.callee) or context.sites.path(site, call.callee) in WRITERS:
            yield site, tuple(argument.value for argument in call.arguments)


def _is_logger(callee: m.Expr) -> bool:
    """Whether this is ``log.info`` of something that is called a log."""
    if not isinstance(callee, m.Attribute) or callee.attr not in LEVELS:
        return False
    owner = callee.value
    name = owner.attr if isinstance(owner, m.Attribute) else owner.id if isinstance(owner, m.Name) else ""
    return name.lower().strip("_") in {"log", "logger", "logging"}


def _raised(context: RuleContext) -> Iterator[tuple[Site, tuple[m.Expr, ...]]]:
    for site, node in context.sites.of(m.Raise):
        if isinstance(node.value, m.Call):
            yield site, tuple(argument.value for argument in node.value.arguments if argument.keyword is None)


def _shown(context: RuleContext, site: Site, value: m.Expr) -> Iterator[str]:
    """Iterate over the names and keys whose text becomes part of ``value``."""
    if isinstance(value, (m.Name, m.Attribute)):
        yield value.id if isinstance(value, m.Name) else value.attr
    elif isinstance(value, m.Subscript):
        key = value.index.value if isinstance(value.index, m.Constant) else None
        if isinstance(key, str):
            yield key
    else:
        for part in _parts(context, site, value):
            yield from _shown(context, site, part)


def _parts(context: RuleContext, site: Site, value: m.Expr) -> tuple[m.Expr, ...]:
    if isinstance(value, m.FormattedString):
        return value.parts
    if isinstance(value, m.Binary):
        return (value.left, value.right) if value.operator in {"Add", "Modulo"} else ()
    if isinstance(value, m.Choice):
        return value.options
    if isinstance(value, m.Sequence):
        return value.items
    if isinstance(value, m.Call) and _carries(context, site, value):
        return tuple(argument.value for argument in value.arguments)
    return ()


def _carries(context: RuleContext, site: Site, call: m.Call) -> bool:
    """Whether a call's result shows its arguments: ``str(x)``, ``"…".format(x)``, ``os.getenv("X")``."""
    path = context.sites.path(site, call.callee)
    formats = isinstance(call.callee, m.Attribute) and call.callee.attr == "format"
    return formats or path in CARRIERS
