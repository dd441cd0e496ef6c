"""What a rule of permissions/ suggests can be pasted: the next check is clean of what was reported."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.finding import Finding
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.code import native_call
from theodore_plugin.rules.examples import ARGUMENTS, example_files, plugin
from theodore_plugin.rules.permissions import (
    permission_overbroad,
    undeclared_permission,
    undeclared_target,
    unused_permission,
)

POLICY = load_policy("default")
ADD = "add to permissions: "
USES = {
    "a host": "import httpx\n\nhttpx.get('https://other.example.org/x')\n",
    "a host below a domain": "import httpx\n\n\ndef f(name):\n    httpx.get(f'https://{name}.example.org/')\n",
    "an unknown host": "import socket\n\n\ndef f(host):\n    socket.create_connection((host, 25))\n",
    "an unusual scheme and port": "import httpx\n\nhttpx.get('http://[2001:db8::1]:8443/')\n",
    "a listening socket": "import socket\n\n\ndef f():\n    socket.socket().bind(('127.0.0.1', 8080))\n",
    "a listening socket of any port": "import asyncio\n\n\nasync def f(go):\n    await asyncio.start_server(go)\n",
    "a file read": "def f():\n    return open('/etc/hosts').read()\n",
    "a file written": "def f(text):\n    open('/srv/acme/out put.txt', 'w').write(text)\n",
    "files of a folder": "def f(name):\n    return open(f'/srv/acme/{name}.csv').read()\n",
    "an unknown file": "def f(path):\n    return open(path).read()\n",
    "an unknown file written": "def f(path):\n    return open(path, 'w')\n",
    "a program": "import subprocess\n\nsubprocess.run(['git', 'status'])\n",
    "a program by its path": "import subprocess\n\nsubprocess.run(['/opt/tools/bin/pdf', 'x'])\n",
    "an unknown program": "import subprocess\n\n\ndef f(argv):\n    subprocess.run(argv)\n",
    "a shell": "import os\n\n\ndef f(text):\n    os.system(text)\n",
    "a variable": "import os\n\nKEY = os.environ['ACME_KEY']\n",
    "variables of a name": "import os\n\n\ndef f(name):\n    return os.getenv(f'ACME_{name}')\n",
    "any variable": "import os\n\n\ndef f(name):\n    return os.environ[name]\n",
    "native code": "import ctypes\n\nlibc = ctypes.CDLL('libc.so.6')\n",
    "any native code": "import ctypes\n\n\ndef f(name):\n    return ctypes.CDLL(name)\n",
    "dynamic code": "def f(text):\n    exec(text)\n",
    "a dynamic import": "import importlib\n\n\ndef f(name):\n    return importlib.import_module(name)\n",
}
SERVICE = plugin(
    extra="from theodore_sdk import PluginContext\n",
    methods="    async def initialize(self, container: PluginContext, config):\n"
    "        self.store = container.resolve('VectorStore')\n",
)


def found(code: str, permissions: str, *rules: object) -> list[Finding]:
    files = example_files(code)
    module = files["demo/plugin.py"].decode()
    assert ARGUMENTS["permissions"] in module
    files["demo/plugin.py"] = module.replace(ARGUMENTS["permissions"], permissions).encode()
    return list(analyse(PluginProject.from_files(files), POLICY, rules=rules).findings)  # type: ignore[arg-type]


def suggested(findings: Iterable[Finding]) -> list[str]:
    texts = [finding.help or "" for finding in findings]
    assert all(text.startswith(ADD) for text in texts)
    return [text.removeprefix(ADD) for text in texts]


@pytest.mark.parametrize("code", [*USES.values(), SERVICE], ids=[*USES, "a service"])
def test_adding_the_suggested_line_leaves_nothing_undeclared(code: str) -> None:
    rules = (undeclared_permission, undeclared_target)
    lines = suggested(found(code, "[]", *rules))
    assert lines
    for line in lines:
        ast.parse(line, mode="eval")
    assert found(code, f"[{', '.join(lines)}]", *rules) == []


@pytest.mark.parametrize(
    ("code", "pattern"),
    [
        (USES["a host"], "other.example.org:443"),
        (USES["a host below a domain"], "*.example.org:443"),
        (USES["a listening socket"], "listen:8080"),
        (USES["a file read"], "r:/etc/hosts"),
        (USES["a file written"], "rw:/srv/acme/out put.txt"),
        (USES["files of a folder"], "r:/srv/acme/**"),
        (USES["a program"], "git"),
        (USES["a program by its path"], "/opt/tools/bin/pdf"),
        (USES["a variable"], "ACME_KEY"),
        (USES["variables of a name"], "ACME_*"),
        (USES["native code"], "libc.so.6"),
        (SERVICE, "VectorStore"),
    ],
)
def test_a_known_target_stands_in_the_suggestion(code: str, pattern: str) -> None:
    (line,) = set(suggested(found(code, ARGUMENTS["permissions"], undeclared_permission, undeclared_target)))
    call = ast.parse(line, mode="eval").body
    assert isinstance(call, ast.Call)
    assert {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords} == {"pattern": pattern}


def test_a_hostile_name_cannot_leave_the_string_it_stands_in() -> None:
    code = "import os\n\nKEY = os.environ['ACME\"), PluginPermission(PermissionType.NATIVE, \"x']\n"
    for line in suggested(found(code, ARGUMENTS["permissions"], undeclared_permission)):
        call = ast.parse(line, mode="eval").body
        assert isinstance(call, ast.Call)
        assert [keyword.arg for keyword in call.keywords] == ["pattern"]


def test_an_overbroad_declaration_is_replaced_by_what_the_code_uses() -> None:
    broad = '[PluginPermission(PermissionType.NETWORK, "Reads pages", pattern="*")]'
    code = plugin()
    (finding,) = found(code, broad, permission_overbroad)
    line = (finding.help or "").removeprefix("replace it with ")
    assert line == 'PluginPermission(PermissionType.NETWORK, "Reads pages", pattern="api.example.com:443")'
    assert found(code, f"[{line}]", permission_overbroad, undeclared_permission, undeclared_target) == []


def test_an_overbroad_declaration_of_open_ended_code_says_that_more_is_needed() -> None:
    broad = '[PluginPermission(PermissionType.NETWORK, "Reads pages", pattern="*")]'
    (finding,) = found("import httpx\n\n\ndef f(url):\n    httpx.get(url)\n", broad, permission_overbroad)
    assert "api.example.com:443" in (finding.help or "")
    assert "decides at run time" in (finding.help or "")


def test_an_unused_permission_names_the_line_to_remove() -> None:
    unused = 'PluginPermission(\n    PermissionType.SUBPROCESS, "Runs git",\n    pattern="git", required=False)'
    own = ARGUMENTS["permissions"].strip("[]")
    (finding,) = found(plugin(), f"[{own}, {unused}]", unused_permission)
    where = re.fullmatch(r"remove demo/plugin\.py:(\d+): (.+)", finding.help or "")
    assert where is not None
    assert int(where[1]) == finding.location.line
    assert where[2] == 'PluginPermission( PermissionType.SUBPROCESS, "Runs git", pattern="git", required=False)'


@pytest.mark.parametrize(
    ("member", "pattern"),
    [("demo/_fast.cpython-311-x86_64-linux-gnu.so", "demo._fast"), ("demo/libs/libacme.so", "libacme.so")],
)
def test_a_shipped_library_comes_with_its_declaration(member: str, pattern: str) -> None:
    own = ARGUMENTS["permissions"].strip("[]")
    files = example_files(plugin())
    (finding,) = analyse(PluginProject.from_files(files | {member: b"\x7fELF"}), POLICY, rules=[native_call]).findings
    line = (finding.help or "").removeprefix("do without it, or add to permissions: ")
    assert f'pattern="{pattern}"' in line
    declared = example_files(plugin(permissions=f"[{own}, {line}]"))
    project = PluginProject.from_files(declared | {member: b"\x7fELF"})
    assert analyse(project, POLICY, rules=[native_call]).findings == ()
