"""``check --fix``, ``--unsafe-fixes`` and ``--diff`` as they are typed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from theodore_plugin.cli import main

POLICY = """\
schema: 1
name: own-rules-only
extends: default
scanners:
  bandit: {enabled: false, required: false}
  mypy: {enabled: false, required: false}
  pip-audit: {enabled: false, required: false}
  secrets: {enabled: false, required: false}
"""
"""What is tried here does not depend on scanners, so none of them has to be waited for."""
SAFE = "    with tarfile.open(path) as archive:\n        archive.extractall(folder){}\n"
MODULE = (
    "from __future__ import annotations\n\nimport random\nimport tarfile\n\n\n"
    "def unpack(path: str, folder: str) -> None:\n"
)
UNSAFE = "\n\ndef session_token() -> int:\n    return random.getrandbits(128)  # a number\n"


@pytest.fixture
def flawed(project_folder):
    """A project with one defect that is fixed safely, and one that is not."""
    file = project_folder / "src" / "page_notes" / "unpacking.py"
    file.write_text(MODULE + SAFE.format("  # all of it") + UNSAFE)
    return file


@pytest.fixture
def run(tmp_path_factory):
    """Checks under that policy."""
    policy = tmp_path_factory.mktemp("policy") / "policy.yaml"
    policy.write_text(POLICY)
    return lambda *arguments: main(["check", "--policy", str(policy), *map(str, arguments)])


def tree(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_without_being_asked_nothing_is_fixed_but_said_to_be_fixable(run, project_folder, flawed, capsys):
    before = tree(project_folder)
    run(project_folder)
    assert "1 fixable with --fix, 1 more with --fix --unsafe-fixes" in " ".join(capsys.readouterr().out.split())
    assert tree(project_folder) == before


def test_fix_applies_what_is_safe_and_reports_on_the_result(run, project_folder, flawed, capsys):
    run(project_folder, "--fix")
    said = capsys.readouterr()
    assert (
        flawed.read_text()
        == MODULE + SAFE.format("  # all of it").replace("(folder)", '(folder, filter="data")') + UNSAFE
    )
    assert 'fixed src/page_notes/unpacking.py:9 path-traversal: pass filter="data"' in said.err
    assert "1 finding fixed in 1 file; 1 more with --unsafe-fixes" in said.err
    assert "path-traversal" not in said.out


def test_unsafe_fixes_are_applied_when_asked_for_and_marked(run, project_folder, flawed, capsys):
    run(project_folder, "--fix", "--unsafe-fixes")
    said = capsys.readouterr()
    assert "return secrets.randbits(128)  # a number\n" in flawed.read_text()
    assert "import random\nimport tarfile\nimport secrets\n" in flawed.read_text()
    assert "weak-crypto: call secrets.randbits (unsafe)" in said.err
    assert "2 findings fixed in 1 file" in said.err


def test_fixing_again_changes_nothing(run, project_folder, flawed, capsys):
    run(project_folder, "--fix", "--unsafe-fixes")
    before = tree(project_folder)
    capsys.readouterr()
    run(project_folder, "--fix", "--unsafe-fixes")
    assert tree(project_folder) == before
    assert "0 findings fixed" in capsys.readouterr().err


def test_a_difference_is_shown_and_nothing_written(run, project_folder, flawed, capfdbinary):
    before = tree(project_folder)
    code = run(project_folder, "--diff")
    said = capfdbinary.readouterr()
    assert tree(project_folder) == before
    assert said.out.startswith(b"--- a/src/page_notes/unpacking.py\n+++ b/src/page_notes/unpacking.py\n@@ ")
    assert b'+        archive.extractall(folder, filter="data")  # all of it\n' in said.out
    assert b"1 finding would be fixed in 1 file; 1 more with --unsafe-fixes" in said.err
    assert code == run(project_folder)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_the_difference_is_what_fix_would_write(run, project_folder, flawed, tmp_path, capfdbinary):
    copy = shutil.copytree(project_folder, tmp_path / "copy")
    run(project_folder, "--diff", "--unsafe-fixes")
    patch = capfdbinary.readouterr().out
    subprocess.run(["git", "apply", "-"], input=patch, cwd=copy, check=True)
    run(project_folder, "--fix", "--unsafe-fixes")
    written = {path.relative_to(project_folder): data for path, data in tree(project_folder).items()}
    assert {path.relative_to(copy): data for path, data in tree(copy).items()} == written


def test_json_on_standard_output_stays_json(run, project_folder, flawed, capsys):
    run(project_folder, "--fix", "--output-format", "json")
    report = json.loads(capsys.readouterr().out)
    assert "path-traversal" not in {finding["rule"] for finding in report["findings"]}


def test_unsafe_fixes_alone_ask_what_to_do(run, project_folder, flawed, capsys):
    assert run(project_folder, "--unsafe-fixes") == 2
    assert "needs --fix" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_of_several_projects_one_difference_is_shown_that_applies_from_here(
    run, project_folder, flawed, tmp_path, monkeypatch, capfdbinary
):
    shutil.copytree(project_folder, tmp_path / "second one")
    monkeypatch.chdir(tmp_path)
    run(project_folder.name, "second one", "--diff")
    patch = capfdbinary.readouterr().out
    subprocess.run(["git", "apply", "-"], input=patch, check=True)
    for name in (project_folder.name, "second one"):
        assert 'filter="data"' in (tmp_path / name / "src" / "page_notes" / "unpacking.py").read_text()


@pytest.mark.parametrize("option", ["--output=json=report.json", "--write-baseline=known.json"])
def test_a_difference_and_a_file_are_not_asked_for_together(run, project_folder, flawed, monkeypatch, tmp_path, option):
    monkeypatch.chdir(tmp_path)
    before = tree(tmp_path)
    assert run(project_folder, "--diff", option) == 2
    assert tree(tmp_path) == before


def test_a_wheel_is_not_edited(run, tmp_path, capsys):
    wheel = tmp_path / "demo-1.0-py3-none-any.whl"
    wheel.write_bytes(b"PK")
    assert run(wheel, "--fix") == 2
    said = capsys.readouterr().err
    assert "a wheel is not edited" in said
    assert "package it again" in said


def test_only_what_is_selected_is_fixed(run, project_folder, flawed, capsys):
    before = flawed.read_text()
    run(project_folder, "--fix", "--select", "manifest")
    assert flawed.read_text() == before


def test_what_is_silenced_is_not_fixed(run, project_folder, flawed, capsys):
    comment = '  # theodore: ignore[path-traversal] reason="archives of our own"'
    flawed.write_text(MODULE + SAFE.format(comment))
    before = flawed.read_text()
    run(project_folder, "--fix")
    assert flawed.read_text() == before


def test_a_comment_that_silences_nothing_is_removed_and_others_stay(run, project_folder, capsys):
    file = project_folder / "src" / "page_notes" / "quiet.py"
    unused = 'theodore: ignore[leaked-resource] reason="no longer"'
    file.write_text(f"# {unused}\nA = 1  # {unused}\nB = 2  # kept\nC = 3  # noqa: E501  # {unused}\n")
    run(project_folder, "--fix")
    assert file.read_text() == "A = 1\nB = 2  # kept\nC = 3  # noqa: E501\n"


def test_a_comment_stays_while_the_scanner_it_may_speak_to_did_not_run(run, project_folder, capsys):
    file = project_folder / "src" / "page_notes" / "quiet.py"
    text = "".join(
        f'X = {number}  # theodore: ignore[{rule}] reason="a scanner may have said so"\n'
        for number, rule in enumerate(("bandit/B310", "path-traversal", "network-without-timeout", "mypy/arg-type"))
    )
    file.write_text(text)
    run(project_folder, "--fix")
    assert file.read_text() == text


def test_of_several_rules_only_the_unused_ones_are_taken_out(run, project_folder, capsys):
    file = project_folder / "src" / "page_notes" / "quiet.py"
    comment = '  # theodore: ignore[leaked-resource, {}no-shutdown] reason="kept"\n'
    file.write_text("import tarfile\n\ntarfile.open('a').extractall()" + comment.format("path-traversal, "))
    run(project_folder, "--fix")
    assert file.read_text().endswith('# theodore: ignore[path-traversal] reason="kept"\n')


def test_a_link_out_of_the_project_is_not_written_through(run, project_folder, flawed, tmp_path, capsys):
    outside = tmp_path / "outside.py"
    shutil.move(flawed, outside)
    flawed.symlink_to(outside)
    before = outside.read_bytes()
    run(project_folder, "--fix")
    assert outside.read_bytes() == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_folder_that_cannot_be_written_is_said_so(run, project_folder, flawed, capsys):
    flawed.parent.chmod(0o500)
    try:
        assert run(project_folder, "--fix") == 2
    finally:
        flawed.parent.chmod(0o700)
    assert "unpacking.py" in capsys.readouterr().err
