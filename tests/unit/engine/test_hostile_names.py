import os
import sys

import pytest

from theodore_plugin.engine import run
from theodore_plugin.finding import Verdict
from theodore_plugin.report.text import full
from theodore_plugin.scanners.bandit import BanditScanner

NAMES = [b"new\nline.py", b"-x.py", b"a\x1b[31m.py", "\u202egnp.py".encode(), b".hidden/z.py", b"CVS/z.py"]


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")
@pytest.mark.parametrize("name", NAMES)
def test_a_file_under_any_name_is_looked_at_by_bandit_and_printed_safely(name, opened, settings, plugin_file):
    path = os.path.join(os.fsencode(plugin_file.parent), name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("def f(x):\n    return eval(x)\n")
    project = opened()
    report = run(project, settings(), scanners=(BanditScanner(),))
    here = [found for found in report.findings if found.location.path == _project_path(name)]
    assert any("bandit/B307" in (found.rule, *found.related) for found in here)
    text = "\n".join(line.plain for line in full(report))
    text.encode("utf-8")
    assert all(character == "\n" or character.isprintable() for character in text)


def _project_path(name):
    return f"src/page_notes/{os.fsdecode(name)}"


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux")
def test_a_file_whose_name_is_no_text_is_said_not_to_have_been_analysed(opened, settings, plugin_file):
    path = os.path.join(os.fsencode(plugin_file.parent), b"\xff\xfe.py")
    with open(path, "w") as file:
        file.write("def f(x):\n    return eval(x)\n")
    report = run(opened(), settings(), scanners=(BanditScanner(),))
    assert report.verdict is Verdict.INCOMPLETE
    here = [found.rule for found in report.findings if found.location.path == _project_path(b"\xff\xfe.py")]
    assert here == ["file-not-analysed"]
    "\n".join(line.plain for line in full(report)).encode("utf-8")
