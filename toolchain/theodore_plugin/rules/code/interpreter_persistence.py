"""Code that arranges to be started again, outside the plugin."""

from __future__ import annotations

import re
from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Location, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.rules.context import RuleContext, report
from theodore_sdk.info import PermissionType

PLACES = re.compile(
    r"(?:^|[/\\}\s\"'>])(?:"
    r"(?:site|user)customize\.py"
    r"|\.(?:bashrc|bash_profile|bash_login|bash_logout|profile|zshrc|zshenv|zprofile|zlogin|xprofile|xinitrc|pam_environment)"
    r"|\.config/(?:autostart/|systemd/user/|fish/config\.fish|fish/conf\.d/)"
    r"|\.ssh/(?:authorized_keys|rc)|\.git/hooks/\w"
    r"|etc/(?:profile|bash\.bashrc|zsh|cron|anacrontab|rc\.local|rc\d?\.d|init\.d|systemd/system|ld\.so\.preload|xdg/autostart)"
    r"|var/spool/(?:cron|at)"
    r"|Library/(?:LaunchAgents|LaunchDaemons)/"
    r"|Start Menu[/\\]Programs[/\\]Startup"
    r")"
    r"|Software[/\\]+Microsoft[/\\]+Windows[/\\]+CurrentVersion[/\\]+Run",
    re.IGNORECASE,
)
"""Files that are run when an interpreter, a shell, a session or the machine starts."""
PATH_FILE = re.compile(r"(?:^|[/\\}])[^/\\{}]*\.pth$")
"""Read by ``site`` in site folders; elsewhere the usual name of a PyTorch checkpoint."""
VARIABLES = frozenset({"PYTHONSTARTUP", "BASH_ENV", "LD_PRELOAD"})
SCHEDULERS = re.compile(
    r"^\s*(?:sudo\s+)?(?:crontab|schtasks|launchctl|at|batch|update-rc\.d|chkconfig)(?:\.exe)?(?:\s|$)"
    r"|\|\s*crontab\b|\bsystemctl\s[^|;]*\benable\b"
)
REGISTRY = ("winreg.SetValueEx", "winreg.SetValue")
WRITE_VARIABLE = ("os.putenv", "os.environ.setdefault", "os.environ.__setitem__")

RULE = Rule(
    name="interpreter-persistence",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.NOBODY,
    summary="A .pth file, sitecustomize, a shell's start file, cron or an autostart entry is written.",
    why="Such code runs in every later process, long after the plugin was removed.",
    remedy="Remove it; a plugin runs when its host loads it.",
    bad=(
        Example(
            "import os\nimport site\n\n\ndef install():\n"
            "    path = os.path.join(site.getsitepackages()[0], 'helper.pth')\n"
            "    with open(path, 'w') as file:\n        file.write('import helper')\n",
            "a .pth file",
        ),
        Example(
            "from pathlib import Path\n\n\ndef install(line):\n    start = Path.home() / '.bashrc'\n"
            "    start.write_text(line)\n",
            "a shell's start file",
        ),
        Example(
            "import subprocess\n\n\ndef install(table):\n    subprocess.run(['crontab', '-'], input=table)\n", "cron"
        ),
    ),
    good=(
        Example("import torch\n\n\ndef save(model):\n    torch.save(model, 'best.pth')\n", "a checkpoint"),
        Example(
            "def shell_of(path):\n    return 'bash' if path.endswith('.bashrc') else 'sh'\n", "a name, nothing written"
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at what is written, run, and set in the environment."""
    seen: set[Location] = set()
    for location, what in [*_files(context), *_programs(context), *_variables(context)]:
        if location not in seen:
            seen.add(location)
            yield report(RULE, location, what)


def _files(context: RuleContext) -> Iterator[tuple[Location, str]]:
    """Find writes to telling places: named in the call, or beside it in the function when the call names none."""
    written = {item.location for item in context.inference.permissions if _writes(item.permission, item.access)}
    for call in context.inference.calls:
        if call.location not in written:
            continue
        known = [text for texts in (*call.texts, call.receiver) for text in texts]
        place = next((text for text in known if _is_place(text, call)), None)
        if place is None and not _names_file(call):
            place = _beside(context, call)
        if place is not None:
            yield call.location, f"writes {_shown(place)}, which other programs start from"
    for call, name in context.inference.calls_of(*REGISTRY):
        yield call.location, f"{name} changes the Windows registry"


def _writes(permission: PermissionType, access: str) -> bool:
    return permission is PermissionType.FILE_SYSTEM and access == "write"


def _is_place(text: str, call: ResolvedCall) -> bool:
    if PLACES.search(text):
        return True
    return bool(PATH_FILE.search(text)) and ("site-packages" in text or not _is_binary(call))


def _is_binary(call: ResolvedCall) -> bool:
    """Whether the call writes bytes: a ``.pth`` file of ``site`` is text, a checkpoint is not."""
    modes = [text for texts in call.texts[1:2] for text in texts]
    return any("b" in mode for mode in modes) or not any(
        name in {"builtins.open", "io.open"} or name.endswith((".write_text", ".open")) for name in call.callees
    )


def _names_file(call: ResolvedCall) -> bool:
    return bool(call.receiver) or bool(call.texts and call.texts[0])


def _beside(context: RuleContext, call: ResolvedCall) -> str | None:
    """Return a telling constant of the function in which something unnamed is written."""
    for site, node in context.sites.of(m.Constant):
        if site.facts.path == call.path and isinstance(node.value, str) and site.encloses(call.node.span):
            text = node.value
            if len(text) < 200 and (PLACES.search(text) or PLACES.search("/" + text)):
                return text
    return None


def _programs(context: RuleContext) -> Iterator[tuple[Location, str]]:
    """Programs that schedule others, and shells that write start files."""
    for item in context.inference.permissions:
        if item.permission is PermissionType.SUBPROCESS and SCHEDULERS.match(item.target or ""):
            yield item.location, f"{item.target} starts programs later"
    for call in context.inference.calls:
        if not _runs_program(context, call):
            continue
        for text in (text for texts in call.texts for text in texts):
            if SCHEDULERS.search(text) or (">" in text and PLACES.search(text)):
                yield call.location, f"the command {_shown(text)} starts programs later"


def _runs_program(context: RuleContext, call: ResolvedCall) -> bool:
    effects = (effect for name in call.callees for effect in context.capabilities.of_call(name))
    return any(effect.permission is PermissionType.SUBPROCESS for effect in effects)


def _variables(context: RuleContext) -> Iterator[tuple[Location, str]]:
    for call, _name in context.inference.calls_of(*WRITE_VARIABLE):
        for text in call.texts[0] if call.texts else ():
            if text in VARIABLES:
                yield call.location, f"{text} steers every interpreter or shell started from here"
    for site, node in context.sites.of(m.Assign):
        for target in node.targets:
            if isinstance(target, m.Subscript) and context.sites.path(site, target.value) == "os.environ":
                key = target.index.value if isinstance(target.index, m.Constant) else None
                if key in VARIABLES:
                    yield site.location, f"{key} steers every interpreter or shell started from here"


def _shown(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:57]}..."
