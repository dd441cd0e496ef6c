"""``theodore-plugin lock`` as a person and a pipeline meet it."""

from __future__ import annotations

import pytest

from theodore_plugin.cli import main


@pytest.fixture
def run(capsys):
    """Run the command; return exit code, output and errors."""

    def run(*arguments: object) -> tuple[int, str, str]:
        code = main(["lock", *map(str, arguments)])
        said = capsys.readouterr()
        return int(code), said.out, said.err

    return run


def test_locking_checking_and_upgrading(index, project_dir, run):
    index.publish("alpha", "1.0")
    root = project_dir("alpha")
    code, out, _ = run(root, "--check")
    assert (code, "is missing" in out) == (1, True)
    assert not (root / "pylock.toml").exists()
    code, out, err = run(root)
    assert (code, err) == (0, "")
    assert out.splitlines() == [
        "pylock.toml written",
        "  1 distributions for Python 3.11, 3.12, 3.13 on linux-x86_64, linux-aarch64",
        "  + alpha 1.0",
    ]
    index.publish("alpha", "1.1")
    code, out, _ = run(root, "--check")
    assert (code, out.splitlines()[0]) == (0, "pylock.toml is up to date")
    code, out, err = run(root, "--upgrade", "--check")
    assert (code, out.splitlines()[::2]) == (1, ["pylock.toml is stale", "  ~ alpha 1.0 -> 1.1"])
    assert "theodore-plugin lock" in err
    assert run(root, "--upgrade-package", "ALPHA")[1].endswith("~ alpha 1.0 -> 1.1\n")


def test_what_cannot_be_locked_is_said_with_a_way_out(index, project_dir, run, tmp_path):
    index.publish("alpha")
    root = project_dir("alpha", "nowhere")
    code, out, err = run(root)
    assert (code, out) == (2, "")
    assert "nowhere" in err
    assert "help:" in err
    assert "Traceback" not in err
    (tmp_path / "x-1.0-py3-none-any.whl").write_bytes(b"no wheel")
    code, _, err = run(tmp_path / "x-1.0-py3-none-any.whl")
    assert (code, "is a wheel" in err) == (2, True)
    (root / "pylock.toml").write_text("packages = 3")
    assert run(root)[0] == 5
    assert run(root, "--upgrade-package", "alpha")[0] == 5
    assert (root / "pylock.toml").read_text() == "packages = 3"
