"""Chains, phases, targets: what is inferred, why, and what is admitted to be unknown."""

from __future__ import annotations

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.inference import Certainty, Inference, InferredPermission, Phase
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import METHODS, example_files, plugin

POLICY = load_policy("default")


def infer(code: str, **more: str) -> Inference:
    files = {**example_files(code), **{path: text.encode() for path, text in more.items()}}
    return analyse(PluginProject.from_files(files), POLICY, rules=()).inference


def only(code: str, permission: str) -> InferredPermission:
    found = [item for item in infer(code).permissions if item.permission.value == permission]
    assert len(found) == 1, found
    return found[0]


def targets(code: str, permission: str = "network") -> set[str | None]:
    return {
        item.target
        for item in infer(code).permissions
        if item.permission.value == permission and item.location.path == "demo/example.py" and item.acts
    }


def test_a_chain_leads_from_the_host_through_own_code_to_the_act() -> None:
    methods = METHODS.replace(
        'response = await self.client.get("https://api.example.com/companies")',
        "from demo.fetch import Fetcher\n        response = await Fetcher(self.client).companies()",
    )
    fetch = (
        "import httpx\n\n\nclass Fetcher:\n    def __init__(self, client: httpx.AsyncClient):\n"
        "        self.client = client\n\n"
        "    async def companies(self):\n        return await self._get('companies')\n\n"
        "    async def _get(self, path):\n        return await self.client.get(f'https://api.example.com/{path}')\n"
    )
    found = [item for item in infer(plugin(methods), **{"demo/fetch.py": fetch}).permissions if item.acts]
    [get] = [item for item in found if item.symbol == "httpx.AsyncClient().get"]
    assert [step.label for step in get.chain] == [
        "the host calls Demo.scrape_content",
        "Demo.scrape_content calls Fetcher.companies",
        "Fetcher.companies calls Fetcher._get",
        "calls httpx.AsyncClient().get",
    ]
    assert [step.location.path for step in get.chain] == ["demo/plugin.py"] * 2 + ["demo/fetch.py"] * 2
    assert get.target == "api.example.com:443"
    assert get.phase is Phase.CALL
    assert get.confidence is Certainty.PROVEN


def test_every_place_is_reported_not_only_the_first() -> None:
    code = "import os\n\n\ndef f():\n    os.system('a')\n    os.system('b')\n"
    lines = [item.location.line for item in infer(code).permissions if item.permission.value == "subprocess"]
    assert lines == [5, 6]


def test_import_time_is_an_entry_of_its_own() -> None:
    found = only("import os\n\n\ndef run():\n    os.system('id')\n\n\nclass A:\n    x = run()\n", "subprocess")
    assert found.phase is Phase.IMPORT
    assert found.chain[0].label == "importing demo.example"


def test_a_main_block_is_not_import_time() -> None:
    found = only("import os\nif __name__ == '__main__':\n    os.system('id')\n", "subprocess")
    assert found.phase is Phase.UNREACHED
    assert "script" in found.chain[0].label


def test_unreached_code_counts() -> None:
    assert only("import os\n\n\ndef never():\n    os.system('id')\n", "subprocess").phase is Phase.UNREACHED


def test_a_reference_that_is_only_held_counts() -> None:
    found = only("import os\n\n\ndef f():\n    return {'run': os.system}\n", "subprocess")
    assert found.confidence is Certainty.HELD
    assert found.acts is False


@pytest.mark.parametrize(
    ("expression", "target"),
    [
        ("'https://a.example/x'", "a.example:443"),
        ("'http://a.example'", "a.example:80"),
        ("'https://user:pass@a.example:8443/x?y'", "a.example:8443"),
        ("'https://[::1]:8000/'", "[::1]:8000"),
        ("'https://A.Example/'", "a.example:443"),
        ("f'https://{HOST}/{url}'", "h.example:443"),
        ("f'https://{url}.h.example/'", "*.h.example:443"),
        ("f'https://x-{url}.h.example/'", None),
        ("f'https://{url}'", None),
        ("f'{url}/path'", None),
        ("'https://' + HOST + '/x'", "h.example:443"),
        ("'https://%s/x' % url", None),
        ("'https://{}/x'.format(HOST)", "h.example:443"),
        ("'/'.join(['https:', '', HOST, url])", "h.example:443"),
        ("urljoin('https://a.example/b/', 'c')", "a.example:443"),
        ("BASE + '/v1'", "base.example:443"),
        ("url or 'https://a.example/'", "a.example:443"),
    ],
)
def test_hosts_follow_from_constants_or_are_left_open(expression: str, target: str | None) -> None:
    code = (
        "import httpx\nfrom urllib.parse import urljoin\n\nHOST = 'h.example'\nBASE = f'https://base.example'\n\n\n"
        f"def f(url):\n    return httpx.get({expression})\n"
    )
    assert targets(code) == {target}


@pytest.mark.parametrize(
    ("expression", "target"),
    [
        ("open('/etc/passwd')", "r:/etc/passwd"),
        ("open('/tmp/x', 'w')", "rw:/tmp/x"),
        ("open('/tmp/x', mode='rb')", "r:/tmp/x"),
        ("open('/tmp/x', mode)", "rw:/tmp/x"),
        ("open(f'/var/log/{mode}')", "r:/var/log/**"),
        ("open(f'/var/log/app-{mode}.txt')", "r:/var/log/**"),
        ("open('/a/../etc/shadow')", "r:/etc/shadow"),
        ("open('relative.txt')", None),
        ("Path('/a/b').write_text('')", "rw:/a/b"),
        ("(Path('/a') / 'b' / 'c').read_bytes()", "r:/a/b/c"),
        ("Path('/a/b').parent.mkdir()", "rw:/a"),
        ("os.remove(os.path.join('/a', 'b'))", "rw:/a/b"),
        ("shutil.rmtree('/a/b')", "rw:/a/b"),
        ("tempfile.mkdtemp()", "rw:{tmp}"),
        ("sqlite3.connect('/a/x.db')", "rw:/a/x.db"),
    ],
)
def test_paths_follow_from_constants_or_are_left_open(expression: str, target: str | None) -> None:
    header = "import os, shutil, sqlite3, tempfile\nfrom pathlib import Path\n\n\n"
    found = targets(f"{header}def f(mode):\n    return {expression}\n", "filesystem")
    expected = None if target is None else target.removesuffix("/**")
    assert {text if text is None else text.removesuffix("/**") for text in found} == {expected}


def test_a_copy_reads_one_path_and_writes_another() -> None:
    found = targets("import shutil\n\n\ndef f():\n    shutil.copy('/a/x', '/b/y')\n", "filesystem")
    assert set(found) == {"r:/a/x", "rw:/b/y"}


@pytest.mark.parametrize(
    ("expression", "permission", "target"),
    [
        ("subprocess.run(['git', 'status'])", "subprocess", "git"),
        ("subprocess.run('git')", "subprocess", "git"),
        ("subprocess.run([x])", "subprocess", None),
        ("os.system('git status')", "subprocess", "sh"),
        ("os.execv('/bin/ls', [])", "subprocess", "/bin/ls"),
        ("os.environ['ACME_KEY']", "environment", "ACME_KEY"),
        ("os.environ.get('ACME_KEY')", "environment", "ACME_KEY"),
        ("os.getenv(f'ACME_{x}')", "environment", "ACME_*"),
        ("os.getenv(x)", "environment", None),
        ("socket.create_connection(('a.example', 25))", "network", "a.example:25"),
        ("socket.create_server(('', 8080))", "network", "listen:8080"),
        ("ctypes.CDLL('libc.so.6')", "native", "libc.so.6"),
    ],
)
def test_programs_variables_addresses_and_libraries(expression: str, permission: str, target: str | None) -> None:
    code = f"import ctypes, os, socket, subprocess\n\n\ndef f(x):\n    return {expression}\n"
    assert targets(code, permission) == {target}


def test_own_folders_and_services_of_the_context_are_known() -> None:
    methods = METHODS.replace(
        "self.client = httpx.AsyncClient()",
        "self.client = httpx.AsyncClient()\n        self.store = container.data_dir / 'pages.json'\n"
        "        self.repository = container.resolve('CompanyRepository')",
    ).replace("await self.client.aclose()", "self.store.unlink()")
    found = {(item.permission.value, item.target) for item in infer(plugin(methods)).permissions}
    assert ("filesystem", "rw:{data}/pages.json") in found
    assert ("registry", "CompanyRepository") in found


def test_what_the_context_fetches_is_a_network_permission_wherever_its_client_is_kept() -> None:
    methods = METHODS.replace(
        "self.client = httpx.AsyncClient()",
        "self.client, self.container = container.http, container\n        await container.http.fetch('https://a.example/x')",
    ).replace(
        "await self.client.aclose()",
        "await self.container.http.fetch(url='http://b.example:8080/')\n"
        "        await self.container.http.fetch(self.container.anywhere)",
    )
    found = {(item.permission.value, item.target) for item in infer(plugin(methods)).permissions}
    assert {("network", "a.example:443"), ("network", "b.example:8080"), ("network", None)} <= found


def test_what_cannot_be_known_is_said_with_its_place() -> None:
    found = infer("import unheard_of\n\n\ndef f(text):\n    exec(text)\n    return unheard_of.x()\n").unknown
    assert {(item.reason, item.location.line) for item in found} == {
        ("builtins.exec can do anything", 5),
        ("unheard_of is not in the capability map", 1),
    }


def test_resolution_follows_own_modules_relative_imports_and_re_exports() -> None:
    more = {
        "demo/net/__init__.py": "from .low import *\nfrom .low import dial as call_out\n",
        "demo/net/low.py": "import socket as s\n\n\ndef dial():\n    return s.create_connection(('a.example', 1))\n",
    }
    code = "from .net import call_out\nfrom . import net\n\n\ndef f():\n    call_out()\n    net.dial()\n"
    [found] = [item for item in infer(code, **more).permissions if item.symbol == "socket.create_connection"]
    assert found.target == "a.example:1"


def test_adding_code_never_removes_a_permission() -> None:
    first = "import os\n\n\ndef f():\n    os.system('id')\n"
    second = first + "\n\ndef g(x):\n    return eval(x)\n"
    keys = [{(item.permission, item.target) for item in infer(code).permissions} for code in (first, second)]
    assert keys[0] <= keys[1]


def test_renaming_and_reordering_change_nothing() -> None:
    one = "import os\n\n\ndef a():\n    run = os.system\n    run('id')\n\n\ndef b():\n    a()\n"
    two = "import os\n\n\ndef b():\n    a()\n\n\ndef a():\n    other = os.system\n    other('id')\n"
    keys = [{(item.permission, item.target, item.symbol) for item in infer(code).permissions} for code in (one, two)]
    assert keys[0] == keys[1]


def test_recursion_and_cycles_come_to_an_end() -> None:
    code = (
        "import os\n\n\nclass A:\n    def f(self, x):\n        self.x = [x, self.x, self.f(self.g)]\n"
        "        return self.g(self.x)\n\n"
        "    def g(self, y):\n        text = ''\n        for z in y:\n"
        "            text = text + f'{z}{text}'\n        os.system(text)\n"
        "        return lambda: self.f(self)()\n"
    )
    assert any(item.permission.value == "subprocess" for item in infer(code).permissions)
