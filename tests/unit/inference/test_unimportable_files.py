"""Files no import statement reaches can still be run, and are looked at like any other."""

from __future__ import annotations

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files

BAD = b"import os\n\n\ndef f():\n    os.system(input())\n"


@pytest.mark.parametrize(
    "path", ["demo/.hidden/z.py", "demo/new\nline.py", "demo/my-script.py", "demo/a:b.py", "my_module.py"]
)
def test_an_odd_name_is_no_hiding_place(path: str) -> None:
    project = PluginProject.from_files({**example_files("VALUE = 1"), path: BAD})
    found = {item.rule for item in analyse(project, load_policy("default")).findings if item.location.path == path}
    assert {"undeclared-permission", "shell-injection"} <= found


def test_a_module_beside_a_package_of_its_name_is_no_hiding_place() -> None:
    files = {**example_files("VALUE = 1"), "demo/x/__init__.py": b"", "demo/x.py": BAD}
    found = analyse(PluginProject.from_files(files), load_policy("default")).findings
    assert "demo/x.py" in {item.location.path for item in found if item.rule == "shell-injection"}
