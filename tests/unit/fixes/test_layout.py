"""Code keeps the layout its author gave it, in every place a fix can reach."""

from __future__ import annotations

import pytest

from theodore_plugin.rules.examples import ARGUMENTS, METHODS, PYPROJECT, example_files, plugin, pyproject

GIT = "import subprocess\n\n\ndef run():\n    subprocess.run(['git', 'status'])\n"
ADDED = 'PluginPermission(PermissionType.SUBPROCESS, "why the plugin needs it", pattern="git")'
NETWORK = ARGUMENTS["permissions"].strip("[]")
CALLS = {
    "nothing passed": ("smtplib.SMTP()", "smtplib.SMTP(timeout=30)"),
    "one line": ("requests.get(url)", "requests.get(url, timeout=30)"),
    "keywords": ("requests.get(url=url)", "requests.get(url=url, timeout=30)"),
    "a comma at the end": ("requests.get(url,)", "requests.get(url, timeout=30,)"),
    "a value inside parentheses": ("requests.get((url))", "requests.get((url), timeout=30)"),
    "several lines": (
        "requests.get(\n        url,  # the page\n        # and how\n        params={},\n    )",
        "requests.get(\n        url,  # the page\n        # and how\n        params={},\n        timeout=30,\n    )",
    ),
    "the last one taken away, with a comment before it": (
        "httpx.get(\n        url,  # the page\n        timeout=None,  # for ever\n    )",
        "httpx.get(\n        url,  # the page\n    )",
    ),
    "several lines and no comma at the end": (
        "requests.get(\n        url,\n        params={}\n    )",
        "requests.get(\n        url,\n        params={},\n        timeout=30\n    )",
    ),
    "hanging": (
        "requests.get(url,\n                 params={})",
        "requests.get(url,\n                 params={},\n                 timeout=30)",
    ),
    "None": ("requests.get(url, timeout=None)", "requests.get(url, timeout=30)"),
    "a default taken away": ("httpx.get(url, timeout=None)", "httpx.get(url)"),
    "a default taken away in the middle": ("httpx.get(url, timeout=None, params={})", "httpx.get(url, params={})"),
    "a default taken away on a line of its own": (
        "httpx.get(\n        url,\n        timeout=None,  # for ever\n        params={},\n    )",
        "httpx.get(\n        url,\n        params={},\n    )",
    ),
}


@pytest.mark.parametrize(("before", "after"), CALLS.values(), ids=list(CALLS))
def test_arguments_come_and_go_as_they_are_laid_out(bench, before, after):
    code = "import smtplib\n\nimport httpx\nimport requests\n\n\ndef f(url):\n    return {}\n"
    changed = bench.mended("network-without-timeout", code.format(before))
    assert changed == {"demo/example.py": code.format(after)}


@pytest.mark.parametrize(
    "call",
    [
        "httpx.get(\n        url,\n        timeout=None,\n        # how it is asked for\n        params={},\n    )",
        "print(requests.get(url for url in [url]))",
    ],
    ids=["a comment about the next argument", "a generator without parentheses"],
)
def test_where_something_would_get_lost_there_is_no_fix(bench, call):
    files = example_files(f"import httpx\nimport requests\n\n\ndef f(url):\n    return {call}\n")
    fixes = [fix for _, fix in bench.fixes("network-without-timeout", files)]
    assert fixes
    assert set(fixes) == {None}


LISTS = {
    "empty": ("[]", f"[{ADDED}]"),
    "empty, with a space": ("[ ]", f"[ {ADDED}]"),
    "one line": (f"[{NETWORK}]", f"[{NETWORK}, {ADDED}]"),
    "a comma at the end": (f"[{NETWORK},]", f"[{NETWORK}, {ADDED},]"),
    "several lines": (
        f"[\n                {NETWORK},\n            ]",
        f"[\n                {NETWORK},\n                {ADDED},\n            ]",
    ),
    "several lines and comments": (
        f"[\n                # reading\n                {NETWORK},  # one site\n                # more to come\n"
        "            ]",
        f"[\n                # reading\n                {NETWORK},  # one site\n                # more to come\n"
        f"                {ADDED},\n            ]",
    ),
    "no comma at the end": (
        f"[\n                {NETWORK}  # one site\n            ]",
        f"[\n                {NETWORK},  # one site\n                {ADDED}\n            ]",
    ),
}


@pytest.mark.parametrize(("before", "after"), LISTS.values(), ids=list(LISTS))
def test_items_are_added_as_the_list_is_laid_out(bench, before, after):
    code = f"# file: demo/example.py\n{GIT}" + plugin(permissions=before)
    changed = bench.mended("undeclared-permission", code)
    expected = example_files(plugin(permissions=after))["demo/plugin.py"].decode()
    assert changed == {"demo/plugin.py": expected}


UNUSED = 'PluginPermission(PermissionType.SUBPROCESS, "Runs git", pattern="git")'
SHORTER = {
    "the last": (f"[{NETWORK}, {UNUSED}]", f"[{NETWORK}]"),
    "the first": (f"[{UNUSED}, {NETWORK}]", f"[{NETWORK}]"),
    "the last of several lines": (
        f"[\n                {NETWORK},  # one site\n                {UNUSED},  # for later\n            ]",
        f"[\n                {NETWORK},  # one site\n            ]",
    ),
    "the first of several lines": (
        f"[\n                {UNUSED},  # for later\n                {NETWORK},  # one site\n            ]",
        f"[\n                {NETWORK},  # one site\n            ]",
    ),
}


@pytest.mark.parametrize(("before", "after"), SHORTER.values(), ids=list(SHORTER))
def test_items_are_removed_with_their_own_comment_only(bench, before, after):
    changed = bench.mended("unused-permission", plugin(permissions=before))
    assert changed == {"demo/plugin.py": example_files(plugin(permissions=after))["demo/plugin.py"].decode()}


@pytest.mark.parametrize("written", ["PERMISSIONS", "[*PERMISSIONS]", "PERMISSIONS + []", "tuple(PERMISSIONS)"])
def test_a_list_that_stands_elsewhere_is_changed_where_it_stands_or_not_at_all(bench, written):
    code = f"# file: demo/example.py\n{GIT}" + plugin(permissions=written, extra=f"PERMISSIONS = [{NETWORK}]\n")
    found = [fix for _, fix in bench.fixes("undeclared-permission", example_files(code))]
    if written == "PERMISSIONS":
        changed = bench.mended("undeclared-permission", code)["demo/plugin.py"]
        assert f"PERMISSIONS = [{NETWORK}, {ADDED}]\n" in changed
    else:
        assert set(found) <= {None}


IMPORTS = {
    "a comment and a docstring": (
        '#!/usr/bin/env python\n"""What it is."""\n\n{}async def f():\n    {}\n',
        "import time\n\n\n",
        "import time\nimport asyncio\n\n\n",
    ),
    "imports over several lines": (
        "{}\n\n\nasync def f():\n    {}\n",
        "import time\nfrom json import (\n    dumps,  # out\n    loads,\n)  # both\n",
        "import time\nfrom json import (\n    dumps,  # out\n    loads,\n)  # both\nimport asyncio\n",
    ),
    "two in a line": (
        "{}\n\nasync def f():\n    {}\n",
        "import time; import json\n",
        "import time; import json\nimport asyncio\n",
    ),
    "imported already, under another name": (
        "{}\n\nasync def f():\n    {}\n",
        "import time\nimport asyncio as aio\n",
        "import time\nimport asyncio as aio\n",
    ),
    "in a function": ("{}async def f():\n    import time\n\n    {}\n", "", "import asyncio\n\n\n"),
}


@pytest.mark.parametrize(("frame", "before", "after"), IMPORTS.values(), ids=list(IMPORTS))
def test_imports_go_where_imports_are(bench, frame, before, after):
    changed = bench.mended("blocking-call-in-async", frame.format(before, "time.sleep(1)"))["demo/example.py"]
    name = "aio" if "aio" in before else "asyncio"
    assert changed == frame.format(after, f"await {name}.sleep(1)")


@pytest.mark.parametrize(
    "code",
    [
        "import time\n\nasyncio = None\n\n\nasync def f():\n    time.sleep(1)\n",
        "import time\n\n\nasync def f(asyncio):\n    time.sleep(1)\n",
        "import time\nimport asyncio\n\n\nasync def f():\n    asyncio = 1\n    time.sleep(asyncio)\n",
        "import time\n\n\nasync def f():\n    return [x for x in (time.sleep(y) for y in range(3))]\n",
        "import time\n\n\nasync def f():\n    return lambda: time.sleep(1)\n",
    ],
    ids=["a module's own name", "a parameter", "a local name", "a generator", "a lambda"],
)
def test_a_name_that_means_something_else_is_left_alone(bench, code):
    assert {fix for _, fix in bench.fixes("blocking-call-in-async", example_files(code))} <= {None}


def test_names_of_the_sdk_are_added_to_the_import_that_is_there(bench):
    code = (
        "# file: demo/plugin.py\nfrom collections.abc import Mapping\n\nimport theodore_sdk as sdk\n"
        "from theodore_sdk import (\n    PluginInfo,  # what it is\n    ScraperPlugin,\n)\n\n\n"
        "class Demo(ScraperPlugin):\n    def get_plugin_info(self) -> PluginInfo:\n        return make()\n\n"
        "    async def health_check(self):\n        pass\n"
    )
    changed = bench.mended("hook-not-annotated", code)["demo/plugin.py"]
    assert "-> sdk.HealthStatus:" in changed
    changed = bench.mended("hook-not-annotated", code.replace("import theodore_sdk as sdk\n", ""))["demo/plugin.py"]
    assert "    PluginInfo,  # what it is\n    ScraperPlugin,\n    HealthStatus,\n)\n" in changed
    assert "-> HealthStatus:" in changed


TOML = {
    "one line": ('["httpx>=0.27"]', '["httpx>=0.27", "requests"]'),
    "single quotes": ("['httpx>=0.27']", "['httpx>=0.27', \"requests\"]"),
    "several lines": (
        '[\n    "httpx>=0.27",  # the web\n]',
        '[\n    "httpx>=0.27",  # the web\n    "requests",\n]',
    ),
    "a comment at the end": (
        '[\n    "httpx>=0.27",  # the web\n    # nothing else\n]',
        '[\n    "httpx>=0.27",  # the web\n    # nothing else\n    "requests"\n]',
    ),
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CR LF"])
@pytest.mark.parametrize(("before", "after"), TOML.values(), ids=list(TOML))
def test_the_project_file_keeps_its_layout(bench, before, after, end):
    files = example_files("import requests\n")
    text = PYPROJECT.replace('["httpx>=0.27"]', before) + "\n# the end"
    files["pyproject.toml"] = text.replace("\n", end).encode()
    changed = bench.mended("undeclared-import", files)["pyproject.toml"]
    assert changed == text.replace(before, after).replace("\n", end)


def test_quotes_of_a_requirement_stay(bench):
    changed = bench.mended(
        "overstrict-bound", pyproject('"httpx>=0.27"', "'httpx [http2] == 0.28.1 ; os_name == \"posix\"'")
    )
    assert "dependencies = ['httpx[http2]>=0.28.1,<0.29; os_name == \"posix\"']" in changed["pyproject.toml"]


STUBS = {
    "spaces": "    ",
    "two spaces": "  ",
    "a tab": "\t",
}


@pytest.mark.parametrize("indent", STUBS.values(), ids=list(STUBS))
@pytest.mark.parametrize("last", ["\n", "", "  # the end\n", "\n\n# behind the class\nX = 1\n"], ids=repr)
def test_a_stub_is_indented_as_its_class_is(bench, indent, last):
    methods = ("get_plugin_info", "initialize", "validate_configuration", "scrape_content", "health_check")
    body = f"\n{indent}\n".join(f"{indent}async def {name}(self, *args): pass" for name in methods)
    code = (
        f"# file: demo/plugin.py\nfrom theodore_sdk import ScraperPlugin\n\n\nclass Demo(ScraperPlugin):\n{body}{last}"
    )
    changed = bench.mended("missing-method", code)["demo/plugin.py"]
    stub = f"\n{indent}async def cleanup(self) -> None:\n{indent}{indent}raise NotImplementedError\n"
    before, _, behind = (
        code.partition("# file: demo/plugin.py\n")[2].partition(last)
        if last.strip()
        else (code.partition("# file: demo/plugin.py\n")[2].rstrip("\n"), "", "")
    )
    head = before + (last if last == "  # the end\n" else "\n")
    assert changed.startswith(head + stub)
    assert changed.removeprefix(head + stub) == (last.removeprefix("\n") if "behind" in last else "")
    assert behind == ""


def test_hidden_characters_are_shown_in_strings_and_comments_only(bench):
    code = "A = 'a\u202eb'  # c\u200bd\n"
    assert bench.mended("invisible-or-bidi-characters", code) == {"demo/example.py": "A = 'a\\u202eb'  # c\u200bd\n"}
    for untouchable in ("A = r'a\u202eb'\n", "A = b'' if 1 else f'{1}\u202e'\n", "A = '\\\u202e'\n", "a\u0430 = 1\n"):
        assert {fix for _, fix in bench.fixes("invisible-or-bidi-characters", example_files(untouchable))} == {None}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("f'git clone {url}'", "['git', 'clone', f'{url}']"),
        ('f"tar -C {a!r:>3}/x  --{b}=y{c}"', '["tar", "-C", f"{a!r:>3}/x", f"--{b}=y{c}"]'),
    ],
)
def test_a_command_becomes_its_words(bench, before, after):
    frame = "import subprocess\n\n\ndef f(url, a, b, c):\n    subprocess.run({}, check=True{})  # go\n"
    changed = bench.mended("shell-injection", frame.format(before, ", shell=True"))["demo/example.py"]
    assert changed == frame.format(after, "")


@pytest.mark.parametrize(
    "command",
    [
        "f'cat {a} | sh'",
        "f'ls {a}*'",
        "f'echo $HOME {a}'",
        "f'a; {b}'",
        "'git ' + url",
        "f\"a '{b}'\"",
        "f'a\\t{b}'",
        "rf'a {b}'",
    ],
)
def test_a_command_that_needs_its_shell_is_left_to_the_author(bench, command):
    code = f"import subprocess\n\n\ndef f(url, a, b, c):\n    subprocess.run({command}, shell=True)\n"
    assert {fix for _, fix in bench.fixes("shell-injection", example_files(code))} == {None}


@pytest.mark.parametrize("depth", [30, 150])
def test_what_nests_too_deeply_is_not_taken_apart(bench, depth):
    """The parser recurses natively: deep enough, it would end the process."""
    deep = "(" * depth + "url" + ")" * depth
    found = bench.fixes(
        "network-without-timeout", example_files(f"import requests\n\n\ndef f(url):\n    requests.get({deep})\n")
    )
    assert [fix for _, fix in found] == [None]
    deep = "[" * depth + "]" * depth
    code = plugin(METHODS.replace("self, request: ScrapingRequest", f"self, retries={deep}"))
    assert [fix for _, fix in bench.fixes("signature-mismatch", example_files(code))] == [None]


def test_a_library_has_one_list_of_dependencies_only(bench):
    files = {
        "pyproject.toml": b'[project]\nname = "lib"\nversion = "1"\ndependencies = []\n',
        "lib/__init__.py": b"import requests\n",
    }
    assert bench.mended("undeclared-import", files) == {
        "pyproject.toml": '[project]\nname = "lib"\nversion = "1"\ndependencies = ["requests"]\n'
    }
