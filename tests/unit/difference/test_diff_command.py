"""`theodore-plugin diff` as it is used."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_plugin.cli import main
from theodore_sdk.info import PermissionType, PluginPermission

GIT = PluginPermission(PermissionType.SUBPROCESS, "runs git \u202e to fetch", "git")


@pytest.fixture
def run(capsys, monkeypatch) -> Callable[..., tuple[int, str, str]]:
    def call(*arguments: object) -> tuple[int, str, str]:
        code = main(["diff", *map(str, arguments)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def as_json(text: str) -> dict[str, Any]:
    values = json.loads(text)
    schema = json.loads((policies_dir() / "schemas" / "difference.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(values)
    return values


def test_nothing_more_ends_with_0_and_something_more_with_1(run, wheel) -> None:
    old, new, greedy = wheel(), wheel(version="1.1.0"), wheel(version="1.2.0", permissions=(GIT,))
    code, out, _ = run(old, new, "--no-code")
    assert code == 0
    assert out.splitlines()[-1] == "no increase: it may take the place by itself"
    code, out, _ = run(old, greedy, "--no-code")
    assert code == 1
    assert out.splitlines()[-1] == "needs consent: it also asks for subprocess git"


def test_the_same_twice_says_so(run, wheel) -> None:
    code, out, _ = run(wheel(), wheel(), "--no-code")
    assert code == 0
    assert "nothing else differs" in out
    _, out, _ = run(wheel(), wheel(version="1.1.0", permissions=(GIT,)), "--no-code")
    assert "nothing else differs" not in out


def test_signers_nobody_believes_are_not_said_to_be_the_same(run, wheel) -> None:
    old, new = wheel(), wheel(version="1.1.0")
    for path in (old, new):
        path.with_name(f"{path.name}.sigstore.json").write_text("{}")
    _, out, _ = run(old, new, "--no-code")
    assert "nobody this machine believes signed acme-hello 1.1.0: signers are not compared" in out


def test_text_of_strangers_moves_no_cursor(run, wheel) -> None:
    _, out, _ = run(wheel(), wheel(version="1.2.0", permissions=(GIT,)), "--no-code")
    assert "+ subprocess git  runs git <U+202E> to fetch" in out
    assert "\u202e" not in out


def test_nobody_hides_a_permission_behind_screens_of_others(run, wheel) -> None:
    asked = [PluginPermission(PermissionType.NETWORK, "x" * 1_000, f"h{number}.example.com") for number in range(200)]
    new = wheel(version="1.1.0", permissions=(*asked, PluginPermission(PermissionType.SUBPROCESS, "needs it", "*")))
    code, out, _ = run(wheel(), new, "--no-code")
    assert code == 1
    lines = out.splitlines()
    assert len(lines) < 40
    assert max(map(len, lines)) < 400
    assert "+ subprocess *" in lines[3]
    assert "and 182 more (--all lists them)" in out
    assert lines[-1].startswith("needs consent: it also asks for subprocess *; ")
    assert lines[-1].endswith("and 193 more")


def test_the_code_of_both_is_compared(run, wheel) -> None:
    calls = b"import subprocess\nsubprocess.run(['git'])\n"
    old, new = wheel(), wheel(version="1.1.0", files={"acme_hello/more.py": calls})
    code, out, _ = run(old, new)
    assert code == 0
    assert "+ subprocess run git while it is imported" in out
    makes_code = wheel(version="1.1.0", files={"acme_hello/more.py": b"exec(input())\n"})
    code, out, _ = run(old, makes_code)
    assert code == 1
    assert out.splitlines()[-1] == "needs consent: it makes code while it runs"


def test_a_file_that_cannot_be_analysed_is_no_pass(run, wheel) -> None:
    code, out, _ = run(wheel(), wheel(version="1.1.0", files={"acme_hello/more.py": b"def\n"}))
    assert code == 4
    assert "not analysed in acme_hello-1.1.0-py3-none-any.whl: acme_hello/more.py:1" in out
    assert out.splitlines()[-1].startswith("incomplete: ")


def test_source_trees_are_compared_as_the_wheels_they_would_become(run, tree, tmp_path) -> None:
    changed = Path(shutil.copytree(tree, tmp_path / "changed"))
    plugin = changed / "src" / "page_notes" / "plugin.py"
    plugin.write_text(plugin.read_text() + "\n\ndef helper() -> None:\n    import os\n    os.environ['HOME']\n")
    assert run(tree, tree)[0] == 0
    code, out, _ = run(tree, changed, "--format", "json")
    found = as_json(out)
    assert code == 0
    assert found["files"]["changed"] == ["page_notes/plugin.py"]
    assert found["files"]["only_python"]
    assert {"change": "added", "name": "environment read HOME", "old": "", "new": ""} in found["inferred"]
    assert found["old"]["sha256"] is None


def test_json_leaves_nothing_out(run, wheel) -> None:
    many = {f"acme_hello/m{number}.py": b"" for number in range(40)}
    old, new = wheel(), wheel(version="1.1.0", files=many, permissions=(GIT,))
    _, out, _ = run(old, new, "--no-code", "--format", "json")
    found = as_json(out)
    assert len(found["files"]["added"]) == 40
    assert found["reasons"] == [
        {"kind": "permission", "rule": "upgrade-needs-consent", "message": "it also asks for subprocess git"}
    ]
    assert str(old) not in out
    _, out, _ = run(old, new, "--no-code")
    assert "and 32 more (--all lists them)" in out
    assert out.count("\n") < 25
    _, out, _ = run(old, new, "--no-code", "--all")
    assert out.count("+ acme_hello/m") == 40


@pytest.mark.parametrize("width", [40, 80, 120])
def test_lines_fit_the_terminal_between_words(run, wheel, width: int, monkeypatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    reason = "fetches every page that somebody asks for, one after the other, and keeps what it fetched for a day"
    new = wheel(version="1.1.0", permissions=(PluginPermission(PermissionType.NETWORK, reason, "other.example.com"),))
    _, out, _ = run(wheel(), new, "--no-code")
    lines = out.splitlines()
    digest = [line for line in lines if "sha256" in line or len(line.strip()) == 64]
    assert all(len(line) <= width for line in lines if line not in digest)
    assert reason in " ".join(out.split())


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "got 0"),
        (("a", "b", "c"), "got 3"),
        (("nowhere.whl", "nowhere.whl"), "no such file"),
        (("no-such-plugin", "no-such-plugin"), "no plugin named 'no-such-plugin'"),
        (("./no/such", "./no/such"), "no such file or folder"),
    ],
)
def test_what_cannot_be_compared_is_wrong_usage(run, arguments, says: str) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert says in err
    assert "\nhelp: " in err
    assert out == ""


def test_two_plugins_are_not_two_versions(run, wheel) -> None:
    other = wheel(name="acme-other", files={}, entry="acme_other.plugin:Plugin")
    code, _, err = run(wheel(), other, "--no-code")
    assert code == 2
    assert "two plugins" in err


def test_a_wheel_alone_is_compared_with_what_is_installed_and_nothing_is(run, wheel) -> None:
    code, _, err = run(wheel(), "--no-code")
    assert code == 2
    assert "no plugin named 'acme-hello' is installed" in err


def test_a_wheel_that_is_not_acceptable_is_refused(run, wheel, tmp_path) -> None:
    broken = wheel()
    data = broken.read_bytes()
    cut = tmp_path / broken.name
    cut.write_bytes(data[:-40])
    code, out, err = run(broken, cut)
    assert code == 5
    assert err.startswith("error[")
    assert out == ""


def test_installing_needs_no_analyser() -> None:
    """`install` works where the loader alone is installed, and verifies before it imports what is slow."""
    code = (
        "import sys, theodore_plugin.cli.installing;"
        "print(sorted({'libcst', 'sigstore', 'cryptography', 'jsonschema', 'mypy', 'copier'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
