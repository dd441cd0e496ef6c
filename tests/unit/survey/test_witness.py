"""What a check reads and what is witnessed are the same: nothing can change behind a kept answer."""

from pathlib import Path

import pytest

from theodore_plugin.survey.witness import holds, witness


def project(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    "name",
    [".git", ".mypy_cache", "src/__pycache__", "src/env/x.py", "src/venv/data.txt", "env/x.py", "src/__pycache__/x.py"],
)
def test_content_a_check_reads_is_witnessed_whatever_the_name(tmp_path: Path, name: str) -> None:
    root = project(tmp_path / "plugin", {"src/__init__.py": "", name: "before"})
    seen = witness("whole", str(root))
    assert holds(seen)
    (root / name).write_text("after")
    assert not holds(seen)


@pytest.mark.parametrize("name", [".git", "__pycache__", ".ruff_cache"])
def test_a_link_named_like_a_cache_is_witnessed(tmp_path: Path, name: str) -> None:
    root = project(tmp_path / "plugin", {"src/__init__.py": ""})
    seen = witness("whole", str(root))
    (root / "src" / name).symlink_to(tmp_path)
    assert not holds(seen)


@pytest.mark.parametrize("name", [".git/index", "src/__pycache__/x.cpython-311.pyc", ".venv/lib/x.py"])
def test_what_no_check_reads_changes_nothing(tmp_path: Path, name: str) -> None:
    root = project(tmp_path / "plugin", {"src/__init__.py": "", name: "before"})
    seen = witness("whole", str(root))
    (root / name).write_text("after")
    assert holds(seen)


def test_an_environment_is_not_read_and_one_that_stops_being_one_is(tmp_path: Path) -> None:
    root = project(tmp_path / "plugin", {"src/__init__.py": "", "env/pyvenv.cfg": "", "env/x.py": "before"})
    seen = witness("whole", str(root))
    (root / "env/x.py").write_text("after")
    assert holds(seen)
    (root / "env/pyvenv.cfg").unlink()
    assert not holds(seen)
