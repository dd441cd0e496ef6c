import json
import os
import sys
import threading
import time
from pathlib import Path

import pytest

from theodore_loader.sandbox.tier import available
from theodore_plugin.project import PluginProject
from theodore_plugin.project.model import SourceFile
from theodore_plugin.scanners.hermetic import UnsafePathError, clean_tree, run_tool
from theodore_plugin.scanners.tool_failure import tool_failure

landlock = pytest.mark.skipif(not available().landlock_abi, reason="the kernel offers no Landlock")
seccomp = pytest.mark.skipif(not available().seccomp, reason="the kernel offers no seccomp")

HOSTILE = {
    "src/demo/__init__.py": "VALUE = 1\n",
    ".bandit": "[bandit]\nskips = B602\n",
    "mypy.ini": "[mypy]\nplugins = evil\n",
    "setup.cfg": "[mypy]\nplugins = evil\n",
    "conftest.py": "",
    "setup.py": "",
    "sitecustomize.py": "",
    "src/demo/.bandit": "",
    "src/demo/data.txt": "",
}


@pytest.fixture
def tree(write_project):
    with clean_tree(PluginProject.open(write_project(HOSTILE))) as made:
        yield made


def statement(tree, code, **options):
    """Run one statement the way a tool is run; ``timeit`` is a module that executes its argument."""
    options = {"timeout": 30.0, **options}
    return run_tool("timeit", ["-n1", "-r1", "-s", code, "pass"], tree=tree, **options)


def test_the_copy_holds_python_files_of_the_package_and_nothing_else(tree):
    found = [path.relative_to(tree.root).as_posix() for path in tree.root.rglob("*") if path.is_file()]
    assert found == ["src/demo/__init__.py"]


def test_links_are_not_followed_into_the_copy(write_project, tmp_path):
    secret = tmp_path / "secret.py"
    secret.write_text("SECRET = 1\n")
    root = write_project(HOSTILE)
    (root / "src" / "demo" / "link.py").symlink_to(secret)
    (root / "src" / "linked").symlink_to(tmp_path)
    with clean_tree(PluginProject.open(root)) as made:
        texts = [path.read_text() for path in made.root.rglob("*.py")]
    assert "SECRET = 1\n" not in texts


@pytest.mark.parametrize("path", ["../out.py", "/etc/out.py", "a/../../out.py", "a\0b.py", ""])
def test_a_path_that_leads_out_is_refused(path):
    project = PluginProject(Path(), "x", (SourceFile.of(path, None, b""),))
    with pytest.raises(UnsafePathError), clean_tree(project):
        pass


def test_the_copy_is_gone_afterwards_even_after_a_failure(write_project):
    project = PluginProject.open(write_project(HOSTILE))
    with pytest.raises(RuntimeError), clean_tree(project) as made:
        raise RuntimeError
    assert not made.root.parent.exists()


def test_paths_tools_print_are_translated_or_refused(tree):
    assert tree.project_path(str(tree.root / "src/demo/__init__.py")) == "src/demo/__init__.py"
    assert tree.project_path("src/demo/__init__.py") == "src/demo/__init__.py"
    assert tree.project_path("/etc/passwd") is None
    assert tree.project_path("../scratch/x.py") is None


def test_a_tool_starts_isolated_with_an_environment_built_from_nothing(tree, monkeypatch):
    monkeypatch.setenv("SECRET_TOKEN", "hunter2")
    monkeypatch.setenv("PYTHONSTARTUP", "/evil.py")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    code = "import os, sys, json; print(json.dumps([dict(os.environ), sys.flags.isolated, os.getcwd(), sys.path]))"
    run = statement(tree, code)
    environment, isolated, folder, path = json.loads(run.completed.stdout.splitlines()[0])
    assert not {"SECRET_TOKEN", "PYTHONSTARTUP", "HTTPS_PROXY"} & set(environment)
    assert isolated == 1
    assert Path(folder) == tree.scratch / "timeit"
    assert not [entry for entry in path if entry in {"", folder} or entry.startswith(str(tree.root))]


def test_proxies_pass_only_to_a_tool_with_the_network(tree, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example")
    code = "import os; print(os.environ.get('HTTPS_PROXY'))"
    assert b"proxy.example" in statement(tree, code, sockets="outbound").completed.stdout


@landlock
@pytest.mark.kernel
@pytest.mark.parametrize(
    "code",
    [
        "open({project!r} + '/pyproject.toml')",
        "open({tree!r} + '/src/demo/__init__.py', 'w')",
        "open({outside!r}, 'w')",
        "open('/etc/passwd')",
    ],
)
def test_a_tool_can_neither_read_the_original_nor_write_the_copy(tree, tmp_path, code):
    named = code.format(project=str(tmp_path / "project"), tree=str(tree.root), outside=str(tmp_path / "canary"))
    run = statement(tree, named)
    assert run.completed.returncode == 1
    assert b"PermissionError" in run.completed.stderr
    assert not (tmp_path / "canary").exists()


@seccomp
@pytest.mark.kernel
@pytest.mark.parametrize(
    "code",
    ["import socket; socket.socket()", "import os; os.fork()", "import subprocess; subprocess.run(['/bin/true'])"],
)
def test_a_tool_has_no_sockets_and_starts_no_programs(tree, code):
    run = statement(tree, code)
    assert run.completed.returncode == 1
    assert b"PermissionError" in run.completed.stderr


def test_what_held_the_tool_is_named(tree):
    sandbox = statement(tree, "pass").sandbox
    assert sandbox.startswith(available().tier.name.lower())


@pytest.mark.parametrize(
    ("code", "says", "timeout"),
    [
        ("while True: pass", "did not finish within 1 s", 1.0),
        ("import os; os.abort()", "was killed by SIGABRT", 30.0),
        ("import os; os._exit(7)", "ended with code 7", 30.0),
        ("print('garbage')", "printed no report we can read", 30.0),
        ("raise ValueError('odd')", "ValueError: odd", 30.0),
        ("import sys; sys.stdout.write('x' * 70_000_000)", "printed more than 64 MiB", 30.0),
        ("x = bytearray(4_000_000_000)", "MemoryError", 30.0),
    ],
)
def test_every_way_a_tool_can_end_is_described(tree, code, says, timeout):
    run = statement(tree, code, timeout=timeout)
    failure = tool_failure("tool", run, "python -m tool src")
    assert says in failure.reason
    assert failure.help == "python -m tool src"


def test_last_words_are_short_and_one_line(tree):
    run = statement(tree, "import sys; sys.exit('first\\n' + 'x' * 5000)")
    assert "\n" not in tool_failure("tool", run, "").reason
    assert len(tool_failure("tool", run, "").reason) < 500


def test_an_endless_file_ends_the_tool_not_the_disk(tree):
    run = statement(tree, "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 20))")
    assert run.completed.returncode != 0
    assert (tree.scratch / "timeit" / "big").stat().st_size <= 64 * 2**20


def test_the_interpreter_is_this_one(tree):
    run = statement(tree, "import sys; print(sys.executable)")
    assert os.fsencode(sys.executable) in run.completed.stdout


def test_stopping_kills_a_running_tool(tree):
    threading.Timer(0.5, tree.stop.set).start()
    started = time.monotonic()
    run = statement(tree, "while True: pass")
    assert time.monotonic() - started < 10
    assert not run.finished(0, 1)
