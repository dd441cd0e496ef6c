"""Doing something to the process while being imported."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.inference.model import Phase
from theodore_plugin.rules.code.writes import foreign_writes
from theodore_plugin.rules.context import RuleContext, report
from theodore_sdk.info import PermissionType

STARTS: Mapping[str, str] = {
    "_thread.start_new_thread": "starts a thread",
    "asyncio.run": "runs an event loop",
    "atexit.register": "registers an exit function",
    "builtins.input": "waits for somebody to type",
    "concurrent.futures.ProcessPoolExecutor": "starts a pool",
    "dotenv.load_dotenv": "reads variables from a file into the environment",
    "faulthandler.enable": "installs signal handlers",
    "gevent.monkey.patch_all": "replaces parts of the standard library",
    "locale.setlocale": "changes the locale of the process",
    "logging.basicConfig": "configures the host's logging",
    "logging.config.dictConfig": "configures the host's logging",
    "logging.config.fileConfig": "configures the host's logging",
    "multiprocessing.Process().start": "starts a process",
    "nest_asyncio.apply": "replaces parts of asyncio",
    "os.environ.setdefault": "changes the environment",
    "os.environ.update": "changes the environment",
    "os.putenv": "changes the environment",
    "random.seed": "makes random numbers predictable for everybody",
    "signal.signal": "takes over a signal",
    "socket.setdefaulttimeout": "changes every socket's timeout",
    "sys.path.append": "changes where modules are imported from",
    "sys.path.insert": "changes where modules are imported from",
    "sys.setrecursionlimit": "changes a limit of the interpreter",
    "threading.Thread().start": "starts a thread",
    "threading.Timer().start": "starts a timer",
    "time.sleep": "waits",
    "warnings.filterwarnings": "changes everybody's warnings",
    "warnings.simplefilter": "changes everybody's warnings",
}

RULE = Rule(
    name="import-side-effect",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="Importing a module starts a thread, waits, or changes the environment, logging or other modules.",
    why="A host imports a plugin to look at it; nothing is configured yet, and nobody calls cleanup() for it.",
    remedy="Move it into initialize().",
    bad=(
        Example(
            "import threading\n\n\ndef poll():\n    pass\n\n\nthreading.Thread(target=poll, daemon=True).start()\n",
            "a thread",
        ),
        Example("import logging\n\nlogging.basicConfig(level=logging.DEBUG)\n", "everybody's logging"),
        Example("import httpx\n\nhttpx.get = None\n", "another library's function replaced"),
    ),
    good=(
        Example("import threading\n\nLOCK = threading.Lock()\n", "an object"),
        Example("import logging\n\nLOG = logging.getLogger(__name__)\n", "a logger of its own"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at what runs in module and class bodies; files, network and programs are permission-at-import's matter."""
    seen: set[Location] = set()
    for location, what in [*_started(context), *_environment(context), *_patched(context)]:
        if location not in seen:
            seen.add(location)
            yield report(RULE, location, what)


def _started(context: RuleContext) -> Iterator[tuple[Location, str]]:
    for call, name in context.inference.calls_of(*STARTS):
        if call.function in context.names.modules:
            yield call.location, f"{name.removeprefix('builtins.')} {STARTS[name]} while the plugin is imported"


def _environment(context: RuleContext) -> Iterator[tuple[Location, str]]:
    assigned = ((site, target) for site, node in context.sites.of(m.Assign) for target in node.targets)
    for site, target in assigned:
        in_table = isinstance(target, m.Subscript) and context.sites.path(site, target.value) == "os.environ"
        if site.at_import and in_table:
            yield site.location, "the environment is changed while the plugin is imported"
    for item in context.inference.permissions:
        if item.phase is Phase.IMPORT and item.permission is PermissionType.ENVIRONMENT and item.access == "write":
            yield item.location, f"{item.symbol} changes the environment while the plugin is imported"


def _patched(context: RuleContext) -> Iterator[tuple[Location, str]]:
    for write in foreign_writes(context):
        if write.at_import:
            yield write.location, f"{write.target} is replaced while the plugin is imported"
