"""Something that stays behind in the process when the plugin is gone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

REGISTRIES: Mapping[str, str] = {
    "asyncio.set_event_loop_policy": "the event loop policy stays",
    "atexit.register": "the function runs when the process ends, whether the plugin is still there or not",
    "codecs.register": "the search function stays until codecs.unregister",
    "codecs.register_error": "the error handler stays",
    "copyreg.pickle": "the reducer stays",
    "faulthandler.register": "the signal handler stays",
    "gc.callbacks.append": "the collector keeps calling it",
    "locale.setlocale": "the locale is that of the whole process",
    "logging.addLevelName": "the level name stays",
    "logging.setLoggerClass": "loggers of everybody are made of it",
    "mimetypes.add_type": "the type stays in everybody's table",
    "multiprocessing.set_start_method": "the start method can be set once in a process",
    "os.register_at_fork": "the function runs at every fork, and cannot be taken back",
    "signal.set_wakeup_fd": "signals of the process are written there",
    "signal.signal": "the handler is that of the whole process",
    "socket.setdefaulttimeout": "the timeout is that of every socket in the process",
    "sys.meta_path.append": "every later import asks it",
    "sys.meta_path.insert": "every later import asks it",
    "sys.path.append": "every later import looks there",
    "sys.path.insert": "every later import looks there",
    "sys.path_hooks.append": "every later import asks it",
    "sys.path_hooks.insert": "every later import asks it",
    "sys.setrecursionlimit": "the limit is that of the whole process",
    "sys.setswitchinterval": "the interval is that of the whole process",
    "threading.stack_size": "later threads of everybody have it",
    "warnings.filterwarnings": "the filter holds for everybody's warnings",
    "warnings.simplefilter": "the filter holds for everybody's warnings",
}
"""What is entered into a table of the process, and why a restart is needed to be rid of it."""

RULE = Rule(
    name="not-unloadable",
    severity=Severity.NOTICE,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="Exit functions, signal handlers, import hooks and other settings of the whole process.",
    why="The plugin cannot be unloaded or replaced without starting its worker anew.",
    remedy="Do it in cleanup(), or with an object of the plugin's own.",
    bad=(
        Example("import atexit\n\n\ndef start(save):\n    atexit.register(save)\n", "an exit function"),
        Example("import signal\n\n\ndef start(stop):\n    signal.signal(signal.SIGTERM, stop)\n", "a signal handler"),
    ),
    good=(
        Example(
            "import warnings\n\n\ndef quiet(job):\n    with warnings.catch_warnings():\n"
            "        warnings.simplefilter('ignore')\n        return job()\n",
            "put back at once",
        ),
        Example("import signal\n\n\ndef names():\n    return list(signal.Signals)\n", "read only"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at calls that enter something into a table of the process."""
    restored = _restored(context)
    seen = set()
    for call, name in context.inference.calls_of(*REGISTRIES):
        if call.location in seen or (name.startswith("warnings.") and call.function in restored):
            continue
        seen.add(call.location)
        yield report(RULE, call.location, f"{name}: {REGISTRIES[name]}", subject=call.function)


def _restored(context: RuleContext) -> set[str]:
    """Functions that put warning filters back."""
    return {call.function for call, _name in context.inference.calls_of("warnings.catch_warnings")}
