"""Something started or opened that nothing can end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.lifecycle.resources import ENDINGS, calls_by_place, resource

TASKS = frozenset({"asyncio.create_task", "asyncio.ensure_future"})
THREADS = frozenset({"threading.Thread", "threading.Timer", "multiprocessing.Process"})
FILES = frozenset({"builtins.open", "io.open", "socket.create_connection", "socket.socket", "sqlite3.connect"})

RULE = Rule(
    name="leaked-resource",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="A task nobody keeps, a thread nobody can join, or a file nobody closes.",
    why="A task without a reference may vanish before it is done; threads and files outlive the call that made them.",
    remedy="Keep tasks, join or mark threads as daemon, open files in a with statement.",
    bad=(
        Example("import asyncio\n\n\nasync def start(job):\n    asyncio.create_task(job())\n", "a task nobody keeps"),
        Example("def read(path):\n    return open(path).read()\n", "a file nobody closes"),
        Example("import threading\n\n\ndef start(job):\n    threading.Thread(target=job).start()\n", "a thread"),
    ),
    good=(
        Example(
            "import asyncio\n\n\nasync def both(one, other):\n    task = asyncio.create_task(one())\n"
            "    await other()\n    await task\n",
            "kept and awaited",
        ),
        Example("def read(path):\n    with open(path) as file:\n        return file.read()\n", "closed"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at what is made and dropped in one statement, and at names a function makes and never ends."""
    made = calls_by_place(context.inference)
    seen: set[Location] = set()
    for location, what in [*_dropped(context, made), *_unended(context, made)]:
        if location not in seen:
            seen.add(location)
            yield report(RULE, location, what)


def _dropped(context: RuleContext, made: dict[Location, tuple[str, ...]]) -> Iterator[tuple[Location, str]]:
    for site, statement in context.sites.of(m.ExprStatement):
        if TASKS & set(made.get(statement.value.span.at(site.facts.path), ())):
            yield site.location, "the task is not kept: it may be collected before it is done"
    for site, call in context.sites.of(m.Call):
        if not isinstance(call.callee, m.Attribute) or not isinstance(call.callee.value, m.Call):
            continue
        names = set(made.get(call.callee.value.span.at(site.facts.path), ()))
        if names & {"builtins.open", "io.open"} and call.callee.attr in {"read", "readlines", "readline", "write"}:
            yield call.callee.value.span.at(site.facts.path), "the file is never closed"
        if names & THREADS and call.callee.attr == "start" and not _is_daemon(call.callee.value):
            yield site.location, "the thread is started and not kept: nobody can join it"


def _is_daemon(call: m.Call) -> bool:
    values = [argument.value for argument in call.arguments if argument.keyword in {"daemon", "**"}]
    return any(not (isinstance(value, m.Constant) and not value.value) for value in values)


def _unended(context: RuleContext, made: dict[Location, tuple[str, ...]]) -> Iterator[tuple[Location, str]]:
    """Find local names of files and threads that are neither ended nor handed to anybody."""
    known: dict[int, frozenset[str]] = {}
    for site, node in context.sites.of(m.Assign):
        found = resource(made, site.facts.path, node.value)
        function = next((item for item in reversed(site.around) if isinstance(item, m.Function)), None)
        if found is None or function is None or found[0] not in FILES | THREADS or _is_daemon_value(node.value):
            continue
        if id(function) not in known:
            known[id(function)] = _going_on(function)
        for target in node.targets:
            if isinstance(target, m.Name) and target.id not in known[id(function)]:
                yield site.location, f"{target.id} holds {found[1]} that is never ended"


def _is_daemon_value(value: m.Expr | None) -> bool:
    return isinstance(value, m.Call) and _is_daemon(value)


def _going_on(function: m.Function) -> frozenset[str]:
    """Return the names that are ended, handed on, returned or bound twice: used as more than ``name.method(...)``."""
    uses: Counter[str] = Counter()
    for node in m.walk(function):
        if isinstance(node, m.Attribute) and isinstance(node.value, m.Name):
            ends = node.attr in ENDINGS or node.attr in {"daemon", "setDaemon"}
            uses[node.value.id] += 2 if ends else -1
        elif isinstance(node, m.Name):
            uses[node.id] += 1
        elif isinstance(node, m.Scope):
            uses.update(dict.fromkeys(node.names, 2))
    return frozenset(name for name, count in uses.items() if count > 1)  # once it is bound
