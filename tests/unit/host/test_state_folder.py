"""A host that is given a state folder it cannot use."""

from __future__ import annotations

import os

import pytest

from theodore_loader.errors import ConfigurationProblem
from theodore_loader.host import PluginHost


@pytest.mark.parametrize("where", ["file", "file/below", "file/far/below", "dangling", "dangling/below"])
def test_a_state_folder_that_cannot_be_one_is_said_before_anything_is_loaded(tmp_path, where):
    (tmp_path / "file").touch()
    (tmp_path / "dangling").symlink_to(tmp_path / "nothing")
    with pytest.raises(ConfigurationProblem, match=r"cannot be the state folder: .* is no folder") as caught:
        PluginHost(home=tmp_path / where)
    assert str(tmp_path / where) in caught.value.message
    assert "THEODORE_PLUGIN_HOME" in (caught.value.help or "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "file"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root can write everywhere")
@pytest.mark.parametrize("name", [".", "new", "new/deeper"])
def test_a_state_folder_that_cannot_be_written_is_said_before_anything_is_loaded(tmp_path, name):
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    with pytest.raises(ConfigurationProblem, match=f"cannot be the state folder: {locked} cannot be written"):
        PluginHost(home=locked / name)
