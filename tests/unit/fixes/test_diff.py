"""The difference can be applied by the tools people have."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from theodore_plugin.fixes.diff import difference


def test_it_is_a_unified_diff_of_bytes():
    changes = {"src/b.py": (b"x = 1\r\ny = '\xe9'\r\n", b"x = 2\r\ny = '\xe9'\r\n"), "a.py": (b"a", b"b")}
    assert difference(changes) == (
        b"--- a/a.py\n+++ b/a.py\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n\\ No newline at end of file\n"
        b"--- a/src/b.py\n+++ b/src/b.py\n@@ -1,2 +1,2 @@\n-x = 1\r\n+x = 2\r\n y = '\xe9'\r\n"
    )


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(st.sampled_from([b"a\n", b"b\r\n", b"c", b"\n"]), max_size=6), after=st.data())
def test_git_applies_it(tmp_path, before, after):
    old = b"".join(before)
    new = b"".join(after.draw(st.permutations([*before, b"new\n"]))) + after.draw(st.sampled_from([b"", b"end"]))
    if old in {new, b""} or not new:
        return
    (tmp_path / "a.py").write_bytes(old)
    patch = difference({"a.py": (old, new)})
    run = ["git", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(run, input=patch, cwd=tmp_path, check=True, capture_output=True)
    assert (tmp_path / "a.py").read_bytes() == new
