"""A call that stops the event loop."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

_VERBS = ("get", "post", "put", "patch", "delete", "head", "options", "request")
INSTEAD = {
    "time.sleep": "await asyncio.sleep(...)",
    "builtins.input": "configuration; there is nobody to ask",
    "urllib.request.urlopen": "httpx.AsyncClient",
    "urllib.request.urlretrieve": "httpx.AsyncClient",
    "socket.create_connection": "await asyncio.open_connection(...)",
    "os.system": "await asyncio.create_subprocess_exec(...)",
    "subprocess.run": "await asyncio.create_subprocess_exec(...)",
    "subprocess.call": "await asyncio.create_subprocess_exec(...)",
    "subprocess.check_call": "await asyncio.create_subprocess_exec(...)",
    "subprocess.check_output": "await asyncio.create_subprocess_exec(...)",
    **{f"requests.{verb}": "httpx.AsyncClient" for verb in _VERBS},
    **{f"requests.Session().{verb}": "httpx.AsyncClient" for verb in _VERBS},
    **{f"httpx.{verb}": "httpx.AsyncClient" for verb in _VERBS},
    **{f"httpx.Client().{verb}": "httpx.AsyncClient" for verb in _VERBS},
}

RULE = Rule(
    name="blocking-call-in-async",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.INLINE,
    summary="A blocking call stands directly in an async function.",
    why="While it waits, the worker answers nothing: no other call, no health check, no cancellation.",
    remedy="Await the asynchronous form, or use asyncio.to_thread.",
    bad=(
        Example("import time\n\n\nasync def wait():\n    time.sleep(1)\n", "sleep"),
        Example(
            "import requests\n\nsession = requests.Session()\n\n\nasync def page(url):\n    return session.get(url)\n",
            "a client",
        ),
    ),
    good=(
        Example("import asyncio\n\n\nasync def wait():\n    await asyncio.sleep(1)\n", "awaited"),
        Example(
            "import asyncio\nimport time\n\n\nasync def wait():\n    await asyncio.to_thread(time.sleep, 1)\n",
            "in a thread",
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at calls directly inside async functions."""
    for call, name in context.inference.calls_of(*INSTEAD):
        if call.is_async:
            shown = name.removeprefix("builtins.")
            yield report(
                RULE, call.location, f"{shown} blocks the event loop", f"use {INSTEAD[name]}", subject=call.function
            )
