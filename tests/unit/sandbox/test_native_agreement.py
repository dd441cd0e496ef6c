"""The two hooks decide alike: whatever event comes, with whatever arguments, under whatever grants."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import random
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theodore_loader.permissions import Permission
from theodore_loader.sandbox import hook_events as events
from theodore_loader.sandbox import hook_rules, interpreter, native, python_hook, run
from theodore_loader.sandbox.access import AccessRecord
from theodore_loader.sandbox.native.policy import policy
from theodore_sdk.errors import PluginPermissionError

extension: Any = native.extension()
pytestmark = pytest.mark.skipif(extension is None, reason=native.why_not())

FOLDERS = {"data": "/srv/dätá", "cache": "/srv/cache", "tmp": "/tmp/x"}
PLUGIN, DEPENDENCY = "/opt/plugin", "/opt/dependency"
STDLIB = interpreter.stdlib_paths()
GRANTS = {
    "nothing": (),
    "patterns": (
        *("filesystem rw:{data}/**", "filesystem r:/etc/*.conf", "filesystem r:/etc/host*", "filesystem r:/var/*/log"),
        *("filesystem rw:{tmp}/a*b*c", "environment ACME_*", "environment K*Y", "subprocess true", "subprocess g*"),
        *("subprocess /opt/bin/abc", "native numpy", "native acme.*"),
    ),
    "everything": ("filesystem *", "environment *", "subprocess *", "native *", "dynamic_code *"),
}
NAMES = [
    *sorted({event for names, _ in events.DECISIONS for event in names} | events.SILENT),
    *("os.brand_new", "ctypes.dlopen", "sqlite3.load_extension", "acme.event", "", ".", "gc.get_objects", "sys", "é"),
    *("open.", "cpython.PyInterpreterState_New"),
]
PARTS = [
    "..",
    ".",
    "",
    "a",
    "abc",
    "axbxc",
    ".hidden",
    "..data",
    "host",
    "hosts",
    "x.conf",
    "log",
    "dätá",
    "\udcff",
    "\0",
    "a\n",
]
ROOTS = ["/srv/dätá", "/etc", "/tmp/x", "/var", "/", "", PLUGIN, DEPENDENCY, STDLIB[0], "/usr/bin", "/bin", "/opt/bin"]
WORDS = [
    *(
        "ACME_X",
        "ACME_",
        "KEY",
        "KAKY",
        "KA/KY",
        "true",
        "/bin/true",
        "/usr/local/sbin/true",
        "git",
        "/usr/bin/git",
        "numpy",
    ),
    *("numpy.core", "acme.x", "ctypes", "_ctypes", "(not plain text)", ":memory:", "file:/srv/dätá/x?mode=ro#y"),
    *(
        "file:///etc/x",
        "file:",
        "%41",
        "http://x/",
        "__code__",
        "__class__",
        "\ud800",
        "x" * 3000,
        "ä" * 1500,
        "😀" * 400,
    ),
]
NUMBERS = [
    0,
    -1,
    1,
    7,
    os.getpid(),
    os.O_WRONLY,
    os.O_RDONLY,
    os.O_CREAT | os.O_RDWR,
    2**31,
    2**63,
    2**64 + 1,
    -(2**70),
    80,
]


class Text(str):
    """A text that answers as it likes."""

    __slots__ = ()

    def startswith(self, *_: Any) -> bool:  # type: ignore[override]
        return True

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = str.__hash__


def values(draw: random.Random) -> Any:
    """Return any argument an event could have, the plausible ones mostly."""
    path = draw.choice(ROOTS) + draw.choice(["/", "", "//", "/./"]) + "/".join(draw.choices(PARTS, k=draw.randrange(4)))
    kind = draw.randrange(18)
    if kind < 6:
        return path
    if kind < 9:
        return draw.choice(WORDS)
    if kind < 12:
        return draw.choice(NUMBERS)
    return draw.choice(
        [
            None,
            True,
            1.5,
            path.encode("utf-8", "surrogatepass"),
            path.encode("utf-8", "replace") + bytes([draw.randrange(256)]),
            draw.choice(WORDS).encode("utf-8", "surrogatepass"),
            pathlib.PurePosixPath(path),
            fresh_path(draw, path),
            fresh_path(draw, path),
            Text(path),
            object(),
            (draw.choice(WORDS), draw.choice(NUMBERS)),
            (draw.choice(WORDS), draw.choice(NUMBERS), 0, 0),
            (draw.choice(NUMBERS),),
            (),
            [path, path.encode("utf-8", "replace")],
            (b"/usr/bin/true", b"/bin/true"),
            (b"/bin/true",),
            CODES[draw.randrange(len(CODES))],
        ]
    )


def fresh_path(draw: random.Random, path: str) -> pathlib.Path:
    """Return a path in one of the states its slots can be in."""
    path = path.replace("\0", "")
    made = pathlib.Path(path, *draw.choices([*PARTS[:8], "/x"], k=draw.randrange(3)))
    touch = draw.randrange(4)
    if touch == 1:
        str(made)
    if touch == 2:
        _ = made.parent, made.name
    return made / "leaf" if touch == 3 else made


CODES = [
    compile("0", name, "eval")
    for name in ("<frozen x>", f"{STDLIB[0]}/os.py", f"{STDLIB[0]}/../x.py", "/srv/late.py", "x.py")
]
CALLERS = [
    *(f"{PLUGIN}/plugin.py", f"{DEPENDENCY}/dep.py", f"{STDLIB[0]}/enum.py", f"{STDLIB[0]}/os.py", "<string>"),
    *("<frozen importlib._bootstrap>", "<frozen importlib._bootstrap_external>", "/srv/dätá/\udcff.py"),
]
Judge = Callable[[str, Any], Any]


def python_judge(rules: hook_rules.HookRules, caller: str) -> Judge:
    """Return what the Python hook concludes about an event that code of ``caller`` raises."""
    reported: list[AccessRecord] = []
    hook, memory = python_hook.assemble(rules, reported.append, "")
    ask = called_from(caller, hook)

    def judge(event: str, arguments: Any) -> Any:
        reported.clear()
        memory.forget()
        with suppress(PluginPermissionError):
            ask(event, arguments)
        return (reported[0].permission, reported[0].resource, reported[0].granted) if reported else None

    return judge


def called_from(file: str, judge: Judge) -> Judge:
    """Return ``judge`` as called by code of ``file``: a decision about the caller looks at the innermost frame."""
    scope: dict[str, Any] = {"judge": judge}
    exec(compile("def ask(event, arguments): return judge(event, arguments)", file, "exec"), scope)
    ask: Judge = scope["ask"]
    return ask


def prepared(rules: hook_rules.HookRules) -> Judge:
    """Return the extension's decision."""
    extension.prepare(policy(rules))
    decide: Judge = extension.decide
    return decide


@pytest.mark.parametrize("granted", GRANTS)
@pytest.mark.parametrize("caller", CALLERS, ids=range(len(CALLERS)))
def test_both_hooks_decide_alike(granted: str, caller: str) -> None:
    grants = [Permission.from_text(text) for text in GRANTS[granted]]
    rules = hook_rules.hook_rules(grants, FOLDERS, [PLUGIN, DEPENDENCY], STDLIB)
    in_python, in_c = python_judge(rules, caller), called_from(caller, prepared(rules))
    draw = random.Random(f"{granted} {CALLERS.index(caller)}")
    verdicts = set()
    for _ in range(2000):
        event = draw.choice(NAMES)
        arguments = tuple(values(draw) for _ in range(draw.choice([0, 1, 2, 2, 3, 3, 3, 4, 4, 5])))
        expected = in_python(event, arguments)
        assert in_c(event, arguments) == expected, (event, arguments)
        verdicts.add(expected and (expected[0], expected[2]))
    assert len(verdicts) > 8


@given(
    st.lists(st.one_of(st.sampled_from(list(hook_rules.Wild)[:2]), st.text("ab/\udcffä\n", max_size=3)), max_size=6),
    st.sampled_from([None, *list(hook_rules.Wild)[2:]]),
    st.lists(st.text("ab/\udcffä\n", max_size=9), min_size=3, max_size=9),
)
@settings(max_examples=400, deadline=None)
def test_a_pattern_means_the_same_to_both(parts: list[Any], end: Any, names: list[str]) -> None:
    glob = (*parts, *([] if end is None else [end]))
    grants = hook_rules.hook_rules([], FOLDERS, [PLUGIN], STDLIB[:1])
    decide = prepared(dataclasses.replace(grants, environment=hook_rules.Patterns([glob])))
    for name in names:
        expected = re.fullmatch(hook_rules.expression(glob), name, re.DOTALL) is not None
        assert decide("os.putenv", (name,)) == ("environment", name, expected)


def test_both_refusals_are_the_same_exception() -> None:
    code = """
import json, sys
sys.path.insert(0, {loader!r})
from theodore_loader.sandbox import audit_hook, interpreter
acts = []
for act in ("open('/srv/' + chr(228) + chr(0xdcff))", "import ctypes", "import sys; sys.audit('open')"):
    scope = {{}}
    exec(compile("def act(): " + act, "/opt/plugin/a/b.py", "exec"), scope)
    acts.append(scope["act"])
rules = audit_hook.hook_rules([], {{}}, ["/opt/plugin"], interpreter.stdlib_paths())
installed = audit_hook.install(rules, lambda _: None, compiled={compiled})
told = []
for act in acts:
    try: act()
    except BaseException as problem:
        told.append([type(problem).__module__, type(problem).__qualname__, str(problem), problem.args, vars(problem)])
        told.append([getattr(problem, "msg", 0), getattr(problem, "name", 0), problem.__context__ is None])
sys.stdout.write(json.dumps([installed.kind, told]))
"""
    answers = {
        kind: told
        for compiled in (True, False)
        for kind, told in [run_json(code.format(loader=run._LOADER, compiled=compiled))]
    }
    assert set(answers) == {"c", "python"}
    assert answers["c"] == answers["python"]
    assert "/srv/ä\udcff" in answers["c"][0][2]


def run_json(code: str) -> Any:
    """Run code in a clean interpreter; return what it prints."""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
