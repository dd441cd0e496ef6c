"""The policeman by himself: no kernel layer is active here, so every refusal below is the hook's."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from pathlib import Path

import pytest

from theodore_loader.sandbox import hook_decisions, python_hook, run

REFUSED = {
    "read": ("open('/etc/passwd')", "filesystem:read", "/etc/passwd"),
    "read of a climbing path": ("open(data + '/../../../../../../etc/passwd')", "filesystem:read", "/etc/passwd"),
    "read by bytes": ("open(b'/etc//./passwd')", "filesystem:read", "/etc/passwd"),
    "write": ("open('/etc/x', 'w')", "filesystem:write", "/etc/x"),
    "append": ("open('/etc/x', 'a')", "filesystem:write", "/etc/x"),
    "low-level write": ("import os; os.open('/etc/x', os.O_RDWR)", "filesystem:write", "/etc/x"),
    "write to its own code": ("open(__file__, 'w')", "filesystem:write", "/plugin"),
    "listing": ("import os; os.listdir('/')", "filesystem:read", "/"),
    "rename": ("import os; os.rename('/etc/a', data + '/a')", "filesystem:write", "/etc/a"),
    "link": ("import os; os.symlink('/etc/a', data + '/a')", "filesystem:link", "/a"),
    "remove": ("import pathlib; pathlib.Path('/etc/x').unlink()", "filesystem:write", "/etc/x"),
    "database": ("import sqlite3; sqlite3.connect('/etc/x')", "filesystem:write", "/etc/x"),
    "database by path": (
        "import sqlite3, pathlib; sqlite3.connect(pathlib.Path('/etc/x'))",
        "filesystem:write",
        "/etc/x",
    ),
    "database by address": (
        "import sqlite3; sqlite3.connect('file:/etc/x?mode=ro', uri=True)",
        "filesystem:write",
        "/etc/x",
    ),
    "program": ("import subprocess; subprocess.run(['ls'])", "subprocess", "ls"),
    "shell": ("import os; os.system('ls')", "subprocess", "os.system ls"),
    "fork": ("import os; os.fork()", "subprocess", "os.fork"),
    "spawn": ("import os; os.posix_spawn('/bin/ls', ['ls'], {})", "subprocess", "/bin/ls"),
    "process by asyncio": (
        "import asyncio; asyncio.run(asyncio.create_subprocess_exec('/bin/ls'))",
        "subprocess",
        "/bin/ls",
    ),
    "connection": (
        "import socket; socket.socket().connect(('192.0.2.1', 80))",
        "network:raw-socket",
        "192.0.2.1:80",
    ),
    "UNIX socket": (
        "import socket; socket.socket(socket.AF_UNIX).connect('/run/x')",
        "network:raw-socket",
        "unix:/run/x",
    ),
    "datagram to nowhere granted": (
        "import socket; socket.socketpair()[0].sendmsg([b''], [], 0, '/run/x')",
        "network:raw-socket",
        "unix:/run/x",
    ),
    "listening": ("import socket; socket.socket().bind(('', 0))", "network:raw-socket", ":0"),
    "name": ("import socket; socket.getaddrinfo('example.com', 80)", "network:resolve", "example.com"),
    "variable": ("import os; os.environ['SECRET'] = 'x'", "environment", "SECRET"),
    "foreign functions": ("import ctypes", "native", "ctypes"),
    "sub-interpreter": ("import _xxsubinterpreters", "native", "_xxsubinterpreters"),
    "evaluation": ("eval('1')", "dynamic_code", "compile in"),
    "compiled code": (
        "import types; types.FunctionType((lambda: 0).__code__, {})",
        "dynamic_code",
        "function.__new__ in",
    ),
    "unmarshalled code": ("import marshal; marshal.loads(b'N')", "dynamic_code", "marshal.loads in"),
    "replaced code": ("def f(): pass\nf.__code__ = (lambda: 0).__code__", "dynamic_code", "__code__"),
    "import of what it wrote": (
        "import sys; open(data + '/late.py', 'w').close(); sys.path.insert(0, data); import late",
        "dynamic_code",
        "import of",
    ),
    "signal": ("import os; os.kill(1, 0)", "process:signal", "os.kill 1"),
    "tracing": ("import sys; sys.settrace(None)", "interpreter", "sys.settrace"),
    "collector": ("import gc; gc.get_objects()", "interpreter", "gc.get_objects"),
    "frames": ("import sys; sys._current_frames()", "interpreter", "sys._current_frames"),
    "event of a later Python": ("import sys; sys.audit('os.brand_new', 1)", "interpreter", "os.brand_new"),
}


def test_refused_with_permission_resource_and_line(police):
    later = (
        {"sub-interpreter": ("import _interpreters", "native", "_interpreters")} if sys.version_info >= (3, 13) else {}
    )
    cases = {**REFUSED, **later}
    told = police.each({name: case[0] for name, case in cases.items()}, "filesystem rw:{data}/**")
    for number, (name, (code, permission, resource)) in enumerate(cases.items()):
        outcome, records = told[name]
        assert f"{permission} denied: " in outcome, name
        assert "(refused by the audit hook)" in outcome, name
        assert f" at plugin{number}.py:{len(code.splitlines()) + 1} " in outcome, name
        refusals = [record for record in records if not record[2]]
        assert [(record[0], record[3].partition(":")[0]) for record in refusals] == [(permission, f"plugin{number}.py")]
        assert resource in refusals[0][1], name


ALLOWED = {
    "own folder": "import os; os.makedirs(data + '/a/b'); open(data + '/a/b/c', 'w').close(); os.listdir(data + '/a')",
    "relative path": "open('file', 'w').close(); assert open(data + '/file').read() == ''",
    "removing a tree": "import os, shutil; os.makedirs('d/e'); open('d/e/f', 'w').close(); shutil.rmtree('d')",
    "temporary folder": "import tempfile; tempfile.TemporaryDirectory(dir=data).cleanup()",
    "database": "import sqlite3; sqlite3.connect(data + '/x').close(); sqlite3.connect(':memory:').close()",
    "own code": "open(__file__).read()",
    "event loop": "import asyncio; asyncio.run(asyncio.to_thread(sum, [1]))",
    "classes": "import collections, dataclasses, enum, typing; collections.namedtuple('N', 'a'); "
    "dataclasses.make_dataclass('D', ['a']); enum.Enum('E', 'A'); typing.get_type_hints(dataclasses.field)",
    "time zones": "import zoneinfo; zoneinfo.ZoneInfo('UTC')",
    "certificates": "import ssl; ssl.create_default_context()",
    "own signal": "import os, signal; os.kill(os.getpid(), 0)",
    "descriptor": "import os; r, w = os.pipe(); open(r, 'rb').close(); os.close(w)",
    "sending on a connection": "import socket; a, b = socket.socketpair(); a.sendmsg([b'x']); assert b.recv(1) == b'x'",
    "third-party event": "import sys; sys.audit('acme.something', object())",
    "optional native code": "try:\n    import ctypes\nexcept ImportError:\n    ctypes = None",
    "literal": "import ast; assert ast.literal_eval('[1, 2]') == [1, 2]",
    "standard library": "import http.client, email, json, logging.config, xml.etree.ElementTree, decimal, uuid, csv",
}


@pytest.mark.parametrize("name", ALLOWED)
def test_ordinary_act_passes(police, name):
    outcome, _records = police(ALLOWED[name], "filesystem rw:{data}/**")
    assert outcome == "ok"


@pytest.mark.parametrize(
    ("code", "grant"),
    [
        ("open('/etc/hostname').read()", "filesystem r:/etc/host*"),
        ("import os; os.environ['ACME_KEY'] = 'x'", "environment ACME_*"),
        ("import subprocess; subprocess.run(['true'])", "subprocess true"),
        ("import subprocess; subprocess.run(['/bin/true'])", "subprocess true"),
        ("eval('1')", "dynamic_code *"),
        ("import ctypes; ctypes.CDLL(None).getpid()", "native *"),
    ],
)
def test_granted_act_passes(police, code, grant):
    if "hostname" in code and not Path("/etc/hostname").exists():
        pytest.skip("this machine has no /etc/hostname")
    assert police(code, grant)[0] == "ok"
    assert police(code)[0] != "ok"


def test_grant_to_read_is_no_grant_to_write(police):
    assert "filesystem:write denied" in police("open('/etc/hostname', 'r+')", "filesystem r:/etc/**")[0]


FORK = "import sys; sys.audit('_posixsubprocess.fork_exec', {files}, ['true'], None)"
"""What CPython raises since 3.14 below subprocess; before, the worker raises it."""


@pytest.mark.parametrize(
    ("files", "granted"),
    [
        ("(b'/usr/bin/true',)", True),
        ("[b'/usr/local/bin/true', b'/usr/bin/true', b'/bin/true']", True),
        ("('/bin/true',)", True),
        ("(b'/bin/true', b'/bin/sh')", False),
        ("(b'/home/true', b'/bin/true')", False),
        ("(b'true',)", False),
        ("()", False),
        ("(None,)", False),
        ("None", False),
        ("(b'/bin/../tmp/true',)", False),
    ],
)
def test_every_file_a_program_may_be_is_judged(police, files, granted):
    outcome, records = police(FORK.format(files=files), "subprocess true")
    assert (outcome == "ok") is granted
    assert [record[:1] + record[2:3] for record in records] in ([["subprocess", granted]], [])
    assert police(FORK.format(files=files))[0] != "ok"


def test_code_made_by_a_dependency_is_named_from_its_import_root(police):
    _outcome, records = police("import sys; eval('1')")
    assert records[0][1] == "compile in plugin.py"


def test_program_of_another_folder_is_not_the_granted_one(police):
    outcome, _records = police("import subprocess; subprocess.run([data + '/true'])", "subprocess true")
    assert "subprocess denied" in outcome


def test_granted_act_is_recorded_once_a_second(police):
    code = "for _ in range(50): open(data + '/x', 'w').close()"
    _outcome, records = police(code, "filesystem rw:{data}/**")
    assert [record[:3] for record in records if record[1].endswith("/x")] == [records[0][:3]]
    assert records[0][2:] == [True, "plugin.py:2"]


def test_reading_code_and_certificates_is_not_recorded(police):
    _outcome, records = police("import ssl, zoneinfo; ssl.create_default_context(); zoneinfo.ZoneInfo('UTC')")
    assert records == []


def test_optional_native_code_is_refused_as_an_import_error_and_recorded(police):
    _outcome, records = police(ALLOWED["optional native code"])
    assert records == [["native", "ctypes", False, "plugin.py:3"]]


def test_subclass_of_text_is_not_believed(police):
    code = "class S(str):\n    def startswith(self, *a): return True\nopen(S(data + '/x'), 'w')"
    assert "filesystem:write denied: (not plain text)" in police(code, "filesystem rw:{data}/**")[0]


def test_report_that_fails_changes_no_decision(police):
    outcome, _records = police("import sys\nsys.modules['__main__'].records = None\nopen('/etc/passwd')")
    assert outcome.startswith("PluginPermissionError: filesystem:read denied")


def test_hook_that_an_earlier_hook_vetoes_is_noticed(kind):
    code = f"""
import sys
sys.path.insert(0, {run._LOADER!r})
from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import audit_hook, interpreter
def veto(event, _arguments):
    if event == "sys.addaudithook": raise RuntimeError
sys.addaudithook(veto)
rules = audit_hook.hook_rules([], {{}}, [], interpreter.stdlib_paths())
try: audit_hook.install(rules, print, compiled={kind == "c"})
except TierUnavailable as refusal: sys.stdout.write(refusal.message)
"""
    done = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "the audit hook was installed and does not run: an earlier hook vetoed it"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/a/b", "/a/b"),
        ("/a//b/", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("/../../a", "/a"),
        ("/", "/"),
        ("a", "/here/a"),
        ("../a", "/a"),
        (b"/a/\xff", "/a/\udcff"),
        (None, "/here"),
        (7, None),
        (pathlib.Path("/a/b"), "/a/b"),
        (pathlib.Path("a", "/b", "c"), "/b/c"),
        (pathlib.Path("", "b"), "/here/b"),
        (pathlib.Path(), "/here"),
        (object(), "(not plain text)"),
        ("/a/.hidden/..data", "/a/.hidden/..data"),
    ],
)
def test_path_in_normal_form(path, expected):
    copies = {name: getattr(hook_decisions, name) for name in ("text_of_path", "joined")}
    kinds = (type, str, bytes, int, *python_hook._path_readers(copies))
    data = (int, type, hook_decisions.as_text, kinds, lambda: "/here")
    assert hook_decisions.as_path(path, data) == expected
