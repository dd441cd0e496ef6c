"""Changing modules that others use too."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.rules.code.writes import foreign_writes
from theodore_plugin.rules.context import RuleContext, report

HOST_ROOTS = frozenset({"theodore", "theodore_loader", "theodore_plugin", "theodore_sdk"})
SETTINGS = frozenset(
    {
        "logging.lastResort",
        "logging.raiseExceptions",
        "sys.dont_write_bytecode",
        "sys.last_exc",
        "sys.last_traceback",
        "sys.last_type",
        "sys.last_value",
        "sys.ps1",
        "sys.ps2",
        "sys.tracebacklimit",
        "turtle.undobuffersize",
    }
)
"""Attributes that are documented as settings: assigning to them replaces nothing."""
SHARED = re.compile(r"(?:[a-z_]\w*\.)*\w+")
"""A module, maybe with one class in it: what lies deeper is reached through an object of somebody's own."""
FOREIGN_FUNCTIONS = ("ctypes.cdll.", "ctypes.pythonapi.", "ctypes.windll.", "ctypes.oledll.")
"""Functions of native libraries, whose types are declared by assigning to them."""
PATCHERS = ("unittest.mock.patch", "unittest.mock.patch.object", "unittest.mock.patch.multiple")

RULE = Rule(
    name="host-monkeypatch",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="An attribute of the host, the SDK or the standard library is replaced.",
    why="Everything else in the worker, the sandbox's own code too, then runs the replacement.",
    remedy="Wrap the function and call the wrapper, or use a hook of the SDK.",
    bad=(
        Example(
            "import socket\n\n\nclass Own(socket.socket):\n    pass\n\n\nsocket.socket = Own\n", "a class replaced"
        ),
        Example(
            "def install(dumps):\n    import json as encoder\n\n    setattr(encoder, 'dumps', dumps)\n",
            "through setattr, in a function",
        ),
        Example("import theodore_sdk\n\ntheodore_sdk.ScraperPlugin.health_check = None\n", "a method of the SDK"),
    ),
    good=(
        Example("import json\n\n\ndef dumps(value):\n    return json.dumps(value, indent=1)\n", "a wrapper"),
        Example(
            "import decimal\n\n\ndef calculate():\n    context = decimal.Context()\n    context.prec = 9\n",
            "an own object",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every write to a foreign module or class, and at patches started outside tests."""
    seen: set[Location] = set()
    for write in foreign_writes(context):
        if _is_shared(write.owner) and write.target not in SETTINGS and write.location not in seen:
            seen.add(write.location)
            yield report(RULE, write.location, f"{write.target} is replaced for everybody", subject=write.target)
    for call, name in context.inference.calls_of(*PATCHERS):
        named = [*(call.texts[0] if call.texts else ()), *(call.origins[0] if call.origins else ())]
        if any(_is_shared(item) for item in named):
            yield report(RULE, call.location, f"{name} replaces {named[0]} for everybody", subject=named[0])


def _is_shared(owner: str) -> bool:
    """Whether a dotted path lies in the standard library or the host; ``builtins`` is sandbox-tampering's matter."""
    root = owner.partition(".")[0]
    known = root in sys.stdlib_module_names - {"builtins", "__main__"} or root in HOST_ROOTS
    return (
        known and not owner.startswith(FOREIGN_FUNCTIONS) and SHARED.fullmatch(owner) is not None and ".__" not in owner
    )
