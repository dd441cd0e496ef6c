"""The extension itself: sealed for good, everywhere in the process, bounded, and used beside its own source only."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_loader.sandbox import libc, native, run
from theodore_loader.sandbox.native import build, source

needs_extension = pytest.mark.skipif(native.extension() is None, reason=native.why_not())
INSTALL = f"""
import sys, json
sys.path.insert(0, {run._LOADER!r})
from theodore_loader.permissions import Permission
from theodore_loader.sandbox import audit_hook, interpreter, libc, native
records, missing = [], []
def install(*grants):
    granted = [Permission.from_text(text) for text in grants]
    rules = audit_hook.hook_rules(granted, {{}}, ["/opt/plugin"], interpreter.stdlib_paths())
    return audit_hook.install(rules, records.append, lost=missing.append)
def refusal(act, *arguments):
    try: act(*arguments)
    except Exception as problem: return type(problem).__name__
def tell(*values): sys.stdout.write(json.dumps(values))
"""


def told(code: str) -> list[object]:
    """Run ``code`` in a clean interpreter; return what it tells."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", INSTALL + code],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    answer: list[object] = json.loads(done.stdout)
    return answer


@needs_extension
def test_once_installed_nothing_reaches_the_policy() -> None:
    answer = told("""
hook = native.extension()
key = object()
install()
doors = [(hook.prepare, {}), (hook.decide, "open", ("/x", None, 0)), (hook.install, key), (hook.seal,)]
calls = [(hook.syscall, 39), (hook.address, b"x"), (hook.drain, key), (libc.syscall, "getpid")]
tell([refusal(*door) for door in doors if door[0] is not hook.seal], [refusal(*call) for call in calls])
""")
    assert answer == [["PermissionError"] * 3, ["PermissionError"] * 4]


@needs_extension
def test_a_second_copy_of_the_module_is_as_sealed() -> None:
    code = """
import importlib.machinery, importlib.util
def again():
    name = "theodore_loader.sandbox.native._hook"
    loader = importlib.machinery.ExtensionFileLoader(name, native.extension().__file__)
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module
second = again()
install("native *")
tell(second is native.extension(), refusal(second.prepare, {}), refusal(second.syscall, 39), refusal(again))
"""
    assert told(code) == [False, "PermissionError", "PermissionError", "NativeImportDeniedError"]


@needs_extension
def test_the_python_hook_closes_the_system_call_too() -> None:
    answer = told("""
hook, rules = native.extension(), audit_hook.hook_rules([], {}, [], interpreter.stdlib_paths())
before = hook.syscall(libc.syscall_numbers(libc.machine())["getppid"]) > 0
kind = audit_hook.install(rules, records.append, compiled=False).kind
tell(before, kind, refusal(libc.syscall, "getppid"))
""")
    assert answer == [True, "python", "PermissionError"]


@needs_extension
def test_the_policy_lies_in_pages_that_cannot_be_written() -> None:
    answer = told("""
import os, re
maps = open("/proc/self/maps")
def frozen():
    maps.seek(0)
    found = re.findall("(?m)^(\\w+)-(\\w+) r--p 00000000 00:00 0 $", maps.read())
    return sum(int(end, 16) - int(start, 16) for start, end in found)
before = frozen()
install()
tell(frozen() - before >= 2 * 64 * 1024)
""")
    assert answer == [True]


@needs_extension
def test_an_interpreter_made_before_is_policed_as_well() -> None:
    answer = told("""
try: import _interpreters as interpreters
except ImportError: import _xxsubinterpreters as interpreters
inner = interpreters.create()
install()
code = "try: open('/etc/passwd'); told = 'opened'\\nexcept Exception as problem: told = str(problem)\\n"
outcome = ""
try: failed = interpreters.run_string(inner, code + "raise ValueError(told)")
except Exception as problem: failed = problem
tell("filesystem:read denied" in str(failed) or "dynamic_code denied" in str(failed), "opened" in str(failed))
""")
    assert answer == [True, False]


@needs_extension
def test_refusals_are_counted_bounded_and_told_lost() -> None:
    answer = told("""
hook = install("filesystem r:/srv/**")
for number in range(3): refusal(open, "/etc/passwd")
for number in range(6000): refusal(open, f"/etc/{number}")
refusal(open, "/etc/" + "x" * 100_000)
for number in range(5): refusal(open, "/srv/nothing")
hook.flush()
first = [(record.resource, record.count) for record in records if record.resource == "/etc/passwd"]
kept, all_lost = len(records), sum(missing)
records.clear(), missing.clear()
for number in range(3000): refusal(open, "/etc/" + "y" * 5000 + str(number))
hook.flush()
tell(first, kept, all_lost, len(records), max(len(record.resource) for record in records), bool(missing))
""")
    assert answer == [[["/etc/passwd", 3]], 4096, 6000 + 1 + 1 + 1 - 4096, 1, 4096, False]


@needs_extension
def test_a_grant_is_recorded_again_after_a_second() -> None:
    answer = told("""
import time
hook = install("filesystem r:/srv/**")
for pause in (0, 1.1, 1.1):
    time.sleep(pause)
    hook.flush()
    for _ in range(5): refusal(open, "/srv/nothing"), refusal(open, b"/srv/nothing")
hook.flush()
tell([(record.granted, record.count) for record in records])
""")
    assert answer == [[[True, 1], [True, 1], [True, 1]]]


@needs_extension
def test_a_system_call_takes_numbers_and_buffers() -> None:
    written = bytearray(8)
    reading, writing = os.pipe()
    try:
        assert libc.syscall("write", writing, b"12345678", 8) == 8
        assert libc.syscall("read", reading, written, 5) == 5
        assert written == b"12345\0\0\0"
        with pytest.raises(OSError, match="Bad file descriptor"):
            libc.syscall("read", 2**31 - 1, written, 1)
    finally:
        os.close(reading)
        os.close(writing)
    extension = native.extension()
    assert extension is not None
    for wrong in ((), ("x",), (39, 1.5), (39, memoryview(b"")), (39, *range(7))):
        with pytest.raises(TypeError):
            extension.syscall(*wrong)


@needs_extension
@pytest.mark.parametrize(
    "data", [None, [], {}, {"seed": -1}, {"seed": 1}, {"seed": 1, "own": None}, {"seed": 1, "own": (1,)}]
)
def test_a_policy_of_another_shape_is_refused(data: object) -> None:
    extension = native.extension()
    assert extension is not None
    with pytest.raises((TypeError, KeyError, OverflowError)):
        extension.prepare(data)


def compiler() -> str | None:
    """Return why nothing can be compiled here."""
    try:
        build._require()
        build._compiler()
    except build.NotBuilt as reason:
        return str(reason)
    return None


needs_compiler = pytest.mark.skipif(compiler() is not None, reason=compiler() or "")


@needs_compiler
def test_the_source_compiles_without_a_warning(tmp_path: Path) -> None:
    made = build.build(tmp_path, extra=("-Werror", "-Wvla"))
    assert made.name == build.file_name()
    assert list(tmp_path.iterdir()) == [made]


@needs_compiler
@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"CC": "/bin/false"}, "the compiler failed"),
        ({"CC": sys.executable + " -c raise"}, "the compiler failed"),
        ({build.SWITCH: "1"}, f"{build.SWITCH} is set"),
    ],
)
def test_what_cannot_be_compiled_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], reason: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(build.NotBuilt, match=re.escape(reason)):
        build.build(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("state", ["changed source", "no source", "not built", "not loadable"])
def test_an_extension_that_does_not_fit_is_not_used(tmp_path: Path, state: str) -> None:
    package = tmp_path / "theodore_loader/sandbox/native"
    shutil.copytree(source.FOLDER, package)
    for folder in (package.parent, package.parent.parent):
        (folder / "__init__.py").touch()
    built = package / build.file_name()
    if state == "changed source":
        (package / "hook.h").write_text((package / "hook.h").read_text() + "\n")
        expected = "built from another source"
    elif state == "no source":
        for file in (*package.glob("*.c"), *package.glob("*.h")):
            file.unlink()
        expected = "source cannot be read"
    elif state == "not built":
        built.unlink(missing_ok=True)
        expected = "no extension was built"
    else:
        built.write_bytes(b"\x7fELF")
        expected = "does not load"
    if state in ("changed source", "no source") and not built.exists():
        pytest.skip(native.why_not())
    code = f"""
import sys
sys.path.insert(0, {str(tmp_path)!r})
from theodore_loader.sandbox import native
assert native.extension() is None
sys.stdout.write(native.why_not())
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-B", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert expected in done.stdout
