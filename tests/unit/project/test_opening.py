"""What a path may be, and what is said when it is something else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from theodore_loader.errors import ConfigurationProblem, NothingToDo
from theodore_plugin.project import PluginProject


def write(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def paths(project: PluginProject) -> list[str]:
    return [file.path for file in project.files]


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="no such file") as caught:
        PluginProject.open(tmp_path / "nowhere")
    assert caught.value.help


def test_an_empty_folder_is_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo):
        PluginProject.open(tmp_path)


def test_a_folder_without_python_is_nothing_to_do(tmp_path: Path) -> None:
    with pytest.raises(NothingToDo):
        PluginProject.open(write(tmp_path, {"README.md": "hello", "docs/conf.py": "x = 1"}))


def test_a_file_that_is_no_wheel_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationProblem, match="neither a folder nor a wheel"):
        PluginProject.open(write(tmp_path, {"plugin.py": "x = 1"}) / "plugin.py")


def test_a_truncated_wheel_is_a_defect(tmp_path: Path) -> None:
    wheel = tmp_path / "demo-1.0.0-py3-none-any.whl"
    wheel.write_bytes(b"PK\x03\x04 and no more")
    project = PluginProject.open(wheel)
    assert [defect.rule for defect in project.defects] == ["not-a-wheel"]
    assert project.files == ()


@pytest.mark.parametrize("text", ["[project\n", "name = \n", "a = 1\na = 2\n"])
def test_a_broken_pyproject_is_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigurationProblem, match=r"pyproject\.toml is not valid TOML"):
        PluginProject.open(write(tmp_path, {"pyproject.toml": text, "demo/__init__.py": ""}))


def test_a_pyproject_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_bytes(b"name = '\xff'")
    (tmp_path / "demo.py").write_text("x = 1")
    with pytest.raises(ConfigurationProblem, match="not UTF-8"):
        PluginProject.open(tmp_path)


def test_src_layout_takes_only_src(tmp_path: Path) -> None:
    files = {"src/demo/__init__.py": "", "src/demo/sub/x.py": "", "tests/test_x.py": "", "setup.py": "boom()"}
    project = PluginProject.open(write(tmp_path, files))
    assert paths(project) == ["src/demo/__init__.py", "src/demo/sub/x.py"]
    assert [file.module for file in project.files] == ["demo", "demo.sub.x"]
    assert {item.path for item in project.skipped} == {"tests/test_x.py", "setup.py"}
    assert all(item.reason for item in project.skipped)


def test_flat_layout_leaves_developer_folders_out_and_says_so(tmp_path: Path) -> None:
    files = {
        "demo/__init__.py": "",
        "demo/tests/inside.py": "shipped all the same",
        "tests/test_x.py": "",
        "docs/conf.py": "",
        "conftest.py": "",
        "venv/lib/x.py": "",
        "odd-name/x.py": "",
    }
    project = PluginProject.open(write(tmp_path, files))
    assert paths(project) == ["demo/__init__.py", "demo/tests/inside.py"]
    skipped = {item.path: item.reason for item in project.skipped}
    assert skipped["venv"] == "virtual environment"
    assert {"tests/test_x.py", "docs/conf.py", "conftest.py", "odd-name/x.py"} <= skipped.keys()


def test_a_virtual_environment_is_known_by_its_marker(tmp_path: Path) -> None:
    project = PluginProject.open(write(tmp_path, {"demo.py": "", "mine/pyvenv.cfg": "", "mine/lib/x.py": ""}))
    assert paths(project) == ["demo.py"]


@pytest.mark.parametrize("package", ["src/demo", "demo"], ids=["src", "flat"])
def test_a_package_is_read_whatever_it_is_called(tmp_path: Path, package: str) -> None:
    files = {f"{package}/__init__.py": "", f"{package}/env/__init__.py": "", f"{package}/venv/x.py": ""}
    project = PluginProject.open(write(tmp_path, files))
    assert paths(project) == sorted(files)


def test_a_package_without_an_init_is_read_whatever_it_is_called(tmp_path: Path) -> None:
    files = {"demo/a.py": "", "demo/sub/env/x.py": ""}
    assert paths(PluginProject.open(write(tmp_path, files))) == sorted(files)


@pytest.mark.parametrize("inside", ["env/pyvenv.cfg", "mine/pyvenv.cfg", "node_modules/x.js", "__pycache__/x.py"])
def test_what_could_be_imported_from_a_package_is_not_left_out_in_silence(tmp_path: Path, inside: str) -> None:
    files = {"src/demo/__init__.py": "", f"src/demo/{inside}": ""}
    project = PluginProject.open(write(tmp_path, files))
    assert [item.path for item in project.unreadable] == [f"src/demo/{inside.partition('/')[0]}"]


def test_a_source_file_whose_name_is_no_text_is_a_gap_of_its_own(tmp_path: Path) -> None:
    root = write(tmp_path, {"demo/__init__.py": ""})
    Path(os.fsdecode(os.fsencode(root) + b"/demo/\xff.py")).write_text("")
    project = PluginProject.open(root)
    assert paths(project) == ["demo/__init__.py"]
    assert [item.reason for item in project.unreadable] == ["its name is not UTF-8: rename it"]


def test_bytecode_is_no_gap(tmp_path: Path) -> None:
    files = {"demo/__init__.py": "", "demo/__pycache__/x.cpython-311.pyc": "", "demo/__pycache__/y.pyc.1234": ""}
    assert PluginProject.open(write(tmp_path, files)).unreadable == ()


def test_a_link_to_a_file_elsewhere_that_would_be_shipped_or_decides_is_a_gap(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    root = write(tmp_path / "plugin", {"src/demo/__init__.py": ""})
    links = ("src/demo/native.so", "src/demo.pth", "pylock.toml", "README.md")
    for path in links:
        (root / path).symlink_to(outside)
    assert {item.path for item in PluginProject.open(root).unreadable} == {*links} - {"README.md"}


def test_a_link_out_of_the_project_is_not_followed_and_not_silent(tmp_path: Path) -> None:
    outside = tmp_path / "outside.py"
    outside.write_text("secret = 1")
    root = write(tmp_path / "plugin", {"demo/__init__.py": ""})
    (root / "demo" / "link.py").symlink_to(outside)
    (root / "demo" / "folder").symlink_to(tmp_path, target_is_directory=True)
    project = PluginProject.open(root)
    assert paths(project) == ["demo/__init__.py"]
    assert {item.path for item in project.unreadable} == {"demo/link.py", "demo/folder"}


def test_a_link_inside_the_project_counts_as_its_file(tmp_path: Path) -> None:
    root = write(tmp_path / "plugin", {"demo/__init__.py": "", "demo/real.py": "x = 1"})
    (root / "demo" / "alias.py").symlink_to(root / "demo" / "real.py")
    assert "demo/alias.py" in paths(PluginProject.open(root))


def test_a_file_that_is_too_large_is_a_gap(tmp_path: Path) -> None:
    root = write(tmp_path, {"demo/__init__.py": "", "demo/big.py": "#" * (2 * 1024 * 1024 + 1)})
    project = PluginProject.open(root)
    assert [item.path for item in project.unreadable] == ["demo/big.py"]


def test_a_pipe_is_a_gap_and_does_not_block(tmp_path: Path) -> None:
    root = write(tmp_path, {"demo/__init__.py": ""})
    os.mkfifo(root / "demo" / "pipe.py")
    assert [item.path for item in PluginProject.open(root).unreadable] == ["demo/pipe.py"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_is_a_gap(tmp_path: Path) -> None:
    root = write(tmp_path, {"demo/__init__.py": "", "demo/closed.py": "x = 1"})
    (root / "demo/closed.py").chmod(0)
    assert [item.path for item in PluginProject.open(root).unreadable] == ["demo/closed.py"]


def test_what_would_steer_tools_is_listed(tmp_path: Path) -> None:
    pyproject = "[project]\nname = 'demo'\n\n[tool.mypy]\nplugins = ['evil']\n\n[[tool.mypy.overrides]]\nmodule = 'x'\n"
    files = dict.fromkeys((".bandit", "mypy.ini", "conftest.py", "setup.py", "demo/sitecustomize.py", "demo.py"), "")
    project = PluginProject.open(
        write(tmp_path, {**files, "pyproject.toml": pyproject, "setup.cfg": "[bandit]\nskips=1"})
    )
    seen = {(item.location.path, item.location.line) for item in project.ignored_configs}
    assert {(".bandit", 1), ("mypy.ini", 1), ("conftest.py", 1), ("setup.py", 1), ("demo/sitecustomize.py", 1)} <= seen
    assert {("pyproject.toml", 4), ("pyproject.toml", 7), ("setup.cfg", 1)} <= seen


def test_a_project_in_memory_equals_one_on_disk(tmp_path: Path) -> None:
    files = {"pyproject.toml": "[project]\nname = 'demo'\nversion = '1'\n", "src/demo/__init__.py": "x = 1\n"}
    disk = PluginProject.open(write(tmp_path, files))
    memory = PluginProject.from_files({name: text.encode() for name, text in files.items()})
    assert (disk.files, disk.name, disk.version) == (memory.files, memory.name, memory.version)


def test_what_data_begins_with_and_what_lies_beside_the_package_is_known(tmp_path: Path) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "__init__.py").write_text("")
    (tmp_path / "demo" / "logo.png").write_bytes(b"\x89PNG" + bytes(9000))
    (tmp_path / "README.md").write_text("# demo\n")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_demo.py").write_text("")
    project = PluginProject.open(tmp_path)
    assert {path: len(head) for path, head in project.heads.items()} == {"demo/logo.png": 4096}
    assert project.beside == ("README.md", "tests/test_demo.py")


def test_a_folder_that_is_a_package_itself_is_imported_by_its_name(tmp_path):
    folder = tmp_path / "shelf"
    (folder / "types").mkdir(parents=True)
    for path in ("__init__.py", "types/__init__.py", "core.py"):
        (folder / path).write_text("")
    project = PluginProject.open(folder)
    assert set(project.modules) == {"shelf", "shelf.types", "shelf.core"}
