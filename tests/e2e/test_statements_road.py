"""The statements from end to end, as typed: a committed plugin, its build, its signatures, and a second look."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., tuple[int, str, str]]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.mark.thorough
def test_a_committed_plugin_is_traced_to_its_commit(tmp_path: Path, examples: Path, plugin_command: Command) -> None:
    terms = ("--policy", examples / "demo-policy.yaml")
    data = ("--advisories", examples / "advisories.jsonl")
    project = tmp_path / "acme-transformer"
    wheel = project / "dist" / "acme_transformer-0.1.0-py3-none-any.whl"

    def done(*arguments: object) -> str:
        code, out, err = plugin_command(*arguments)
        assert code == 0, f"{arguments[0]}: {out}\n{err}"
        return out

    done("new", "acme-transformer", "--category", "transformer", "--output-dir", tmp_path)
    git(project, "init", "-q")
    git(project, "remote", "add", "origin", "https://user:secret@github.com/acme/transformer.git")
    done("package", project, *terms, *data)
    git(project, "add", "-A")
    git(project, "commit", "-qm", "first")
    commit = git(project, "rev-parse", "HEAD")
    done("package", project, *terms, *data)
    done("trust", "init", *terms)
    assert "provenance" in done("sign", wheel, *terms, *data)
    assert "secret" not in wheel.with_name(wheel.name + ".attestations.jsonl").read_text()
    assert "2 of yours replaced" in done("attest", wheel, "--source", project, *terms, *data)
    answer = json.loads(done("verify", "--format", "json", "--source", f"{project}@HEAD", wheel, *terms))
    assert answer["origins"] == [
        {"repository": "git+https://github.com/acme/transformer", "commit": commit, "dirty": False}
    ]
    assert answer["verdict"]["urn:theodore:vsa:1"]["source"]["kind"] == "rebuilt"
    assert "byte for byte this wheel" in answer["steps"][-1]["detail"]
    assert commit in done("inspect", wheel)
    plugin = project / "src" / "acme_transformer" / "plugin.py"
    plugin.write_text(plugin.read_text() + "# changed\n")
    code, _, err = plugin_command("verify", "--source", project, wheel, *terms)
    assert (code, err.partition(":")[0]) == (5, "error[source-artifact-mismatch]")
    git(project, "commit", "-qam", "second")
    code, _, err = plugin_command("verify", "--source", f"{project}@HEAD", wheel, *terms)
    assert (code, err.partition(":")[0]) == (5, "error[provenance-source-mismatch]")
