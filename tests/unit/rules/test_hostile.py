"""Files made to break the rules: deep, long and odd ones end in findings, not in a crash, and in linear time."""

from __future__ import annotations

import time

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files

POLICY = load_policy("default")
MANY = 400
HOSTILE = {
    "a long concatenation": ("def f(password):\n    print(" + "'a' + " * 900 + "password)\n", "secret-to-log"),
    "a choice": (
        "import threading\n\n\nclass A:\n    def f(self):\n        self.x = "
        + "None or " * 900
        + "threading.Thread()\n",
        "no-shutdown",
    ),
    "nested choices": (
        "import threading\n\n\nclass A:\n    def f(self):\n        self.x = "
        + "(" * 150
        + "None"
        + " or threading.Thread())" * 150
        + "\n",
        "no-shutdown",
    ),
    "nested targets": ("import json\n\n" + "(" * 150 + "json.dumps," + ")," * 149 + ") = 1\n", "host-monkeypatch"),
    "a long f-string": ("def f(api_key):\n    print(f'" + "{api_key}" * 500 + "')\n", "secret-to-log"),
    "lone surrogates": ("api_key = '\\ud800z9aZ9aZ9aZ9aZxQ'\nsetattr(api_key, '\\ud800', 1)\nexec(api_key)\n", None),
    "one long line": ("".join(f"_0x{number:05x} = {number}; " for number in range(3000)) + "\n", "obfuscated-source"),
}
REPEATED = {
    "leaked-resource": "def f():\n" + "".join(f"    a{number} = open('x{number}')\n" for number in range(MANY)),
    "environment-gated-code": "import socket\nimport os\n"
    + "".join(
        f"def f{number}():\n    if socket.gethostname() == 'a{number}':\n        os.system('sync')\n"
        for number in range(MANY)
    ),
    "hardcoded-secret": "".join(f"p{number}_password = 'q8Zt4vXw0LmB71nRk{number}'\n" for number in range(MANY)),
}


def rules_of(code: str) -> list[str]:
    return [item.rule for item in analyse(PluginProject.from_files(example_files(code)), POLICY).findings]


@pytest.mark.parametrize(("code", "rule"), HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_file_is_judged_like_any_other(code: str, rule: str | None) -> None:
    found = rules_of(code)
    assert "analyzer-failed" not in found
    assert "file-not-analysed" not in found
    assert rule is None or rule in found


@pytest.mark.parametrize(("rule", "code"), REPEATED.items(), ids=REPEATED.keys())
def test_many_findings_of_a_rule_take_a_moment(rule: str, code: str) -> None:
    started = time.perf_counter()
    assert rules_of(code).count(rule) == MANY
    assert time.perf_counter() - started < 30
