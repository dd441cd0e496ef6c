"""Code that acts only where, when or for whom it chooses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer, Step
from theodore_plugin.inference.model import InferredPermission
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.sites import Site
from theodore_sdk.info import PermissionType

GATES: Mapping[str, str] = {
    "getpass.getuser": "the user's name",
    "locale.getdefaultlocale": "the locale",
    "locale.getlocale": "the locale",
    "os.getlogin": "the user's name",
    "os.uname": "the machine's name",
    "platform.node": "the machine's name",
    "platform.uname": "the machine's name",
    "socket.getfqdn": "the machine's name",
    "socket.gethostname": "the machine's name",
    "uuid.getnode": "the machine's address",
}
"""Calls that tell machines, people and places apart."""
TABLES: Mapping[str, str] = {"time.tzname": "the time zone", "time.timezone": "the time zone"}
CLOCKS = ("datetime.date.today", "datetime.datetime.now", "datetime.datetime.utcnow", "time.localtime", "time.time")
VARIABLES = ("os.getenv", "os.environ.get")
CI = frozenset({"BUILDKITE", "CI", "CIRCLECI", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "TF_BUILD", "TRAVIS"})
CALENDAR = frozenset({"day", "hour", "isoweekday", "month", "weekday", "year"})
EARLIEST_YEAR, EARLIEST_SECOND = 2000, 1_000_000_000
"""Numbers from which a constant is a year, or a point in time in seconds since 1970."""
ACTS = frozenset(set(PermissionType) - {PermissionType.ENVIRONMENT, PermissionType.REGISTRY})

RULE = Rule(
    name="environment-gated-code",
    severity=Severity.WARNING,
    confidence=Confidence.LOW,
    silencer=Silencer.POLICY,
    summary="Network, files or programs are used only for some locale, time zone, date, machine, user, or outside CI.",
    why="It is how harmful code waits until nobody is looking; there are honest reasons, and they can be explained.",
    remedy="Say in a comment why, or do it everywhere.",
    bad=(
        Example(
            "import socket\n\nimport httpx\n\n\ndef work():\n    if socket.gethostname().startswith('prod'):\n"
            "        httpx.get('https://api.example.com/')\n",
            "on some machines",
        ),
        Example(
            "import os\nfrom datetime import date\n\n\ndef work():\n    if date.today() > date(2027, 3, 1):\n"
            "        os.system('sync')\n",
            "from some day on",
        ),
    ),
    good=(
        Example(
            "import sys\n\nimport httpx\n\n\ndef work():\n    if sys.platform == 'linux':\n"
            "        httpx.get('https://api.example.com/')\n",
            "by the kind of system",
        ),
        Example(
            "import time\n\nimport httpx\n\n\ndef work(expires):\n    if time.time() > expires:\n"
            "        httpx.get('https://api.example.com/')\n",
            "when something has expired",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every ``if`` that asks such a question and acts on the answer."""
    questions = _Questions(context)
    acts = _acts_by_path(context)
    for site, node in context.sites.of(m.If):
        gate = questions.of(site, node.test) if site.facts.path in acts else None
        act = _act(acts[site.facts.path], node) if gate else None
        if gate and act:
            message = f"{act.symbol} is used depending on {gate}"
            step = Step(f"uses {act.symbol}", act.location)
            yield report(RULE, node.test.span.at(site.facts.path), message, evidence=[step])


class _Questions:
    """Knows which calls ask something, and which names hold the answer."""

    def __init__(self, context: RuleContext) -> None:
        self.context = context
        self.asked = dict(_asked(context))
        self.answers: dict[tuple[str, str], list[tuple[Site, m.Expr]]] = defaultdict(list)
        for site, node in context.sites.of(m.Assign):
            for target in node.targets:
                if isinstance(target, m.Name) and node.value is not None:
                    self.answers[site.facts.path, target.id].append((site, node.value))

    def of(self, site: Site, test: m.Expr) -> str | None:
        """Return what a test asks about, itself or through a name of its function or module."""
        nodes = list(m.walk(test))
        for name in [node.id for node in nodes if isinstance(node, m.Name)]:
            for other, value in self.answers[site.facts.path, name]:
                if other.around in ((), site.around):
                    nodes += m.walk(value)
        found = (self._answer(site, node, nodes) for node in nodes)
        return next((what for what in found if what), None)

    def _answer(self, site: Site, node: m.Node, nodes: list[m.Node]) -> str | None:
        if isinstance(node, m.Attribute):
            return TABLES.get(self.context.sites.path(site, node) or "")
        what = self.asked.get(node.span.at(site.facts.path)) if isinstance(node, m.Call) else None
        return "the date" if what == "" and _names_a_date(nodes) else what


def _asked(context: RuleContext) -> Iterator[tuple[Location, str]]:
    """Iterate over the places that ask, and what about; empty for the clock."""
    for call, _name in context.inference.calls_of(*CLOCKS):
        yield call.location, ""
    for call, name in context.inference.calls_of(*GATES):
        yield call.location, GATES[name]
    for call, _name in context.inference.calls_of(*VARIABLES):
        if call.texts and set(call.texts[0]) & CI:
            yield call.location, "whether this is CI"


def _names_a_date(nodes: list[m.Node]) -> bool:
    """Whether a date is written out: a year or a time as a number, or a part of the calendar that is compared."""
    numbers = [node.value for node in nodes if isinstance(node, m.Constant) and type(node.value) is int]
    dated = any(EARLIEST_YEAR <= number < EARLIEST_YEAR + 200 or number >= EARLIEST_SECOND for number in numbers)
    return dated or any(isinstance(node, m.Attribute) and node.attr in CALENDAR for node in nodes)


def _acts_by_path(context: RuleContext) -> dict[str, list[InferredPermission]]:
    found: dict[str, list[InferredPermission]] = defaultdict(list)
    for item in context.inference.permissions:
        if item.permission in ACTS and item.acts:
            found[item.location.path].append(item)
    return found


def _act(acts: list[InferredPermission], node: m.If) -> InferredPermission | None:
    """Return the first act in one of the branches."""
    spans = [statement.span for statement in (*node.body, *node.orelse)]
    inside = (act for act in acts if any(span.line <= act.location.line <= span.end_line for span in spans))
    return next(inside, None)
