import os

import pytest

from theodore_plugin.scanners import custom_identity
from theodore_plugin.scanners.custom_identity import TooMany, identity


@pytest.fixture
def tool(tmp_path):
    folder = tmp_path / "tool"
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / "a.js").write_text("1")
    (folder / "run").write_text("2")
    return folder


def test_what_nobody_touched_is_the_same(tool):
    assert identity([str(tool)]) == identity([str(tool)])


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "lib" / "a.js").write_text("3"),
        lambda folder: (folder / "lib" / "b.js").write_text(""),
        lambda folder: (folder / "run").unlink(),
        lambda folder: (folder / "run").chmod(0o700),
        lambda folder: ((folder / "run").write_text("9"), os.utime(folder / "run", (1, 1))),
        lambda folder: (folder / "run").replace(folder / "lib" / "a.js"),
    ],
    ids=["content", "new", "gone", "mode", "time set back", "moved"],
)
def test_any_change_is_seen(tool, change):
    os.utime(tool / "run", (1, 1))
    before = identity([str(tool)])
    change(tool)
    assert identity([str(tool)]) != before


def test_what_is_not_there_counts_and_is_seen_when_it_appears(tool):
    missing = tool / "later"
    before = identity([str(missing)])
    missing.write_text("")
    assert identity([str(missing)]) != before


def test_links_are_not_followed_without_end(tool):
    (tool / "loop").symlink_to(tool)
    assert identity([str(tool)]) == identity([str(tool)])


def test_more_files_than_are_worth_it(tool, monkeypatch):
    monkeypatch.setattr(custom_identity, "MAX_FILES", 3)
    with pytest.raises(TooMany):
        identity([str(tool)])


def test_of_a_listed_folder_only_what_lies_in_it_directly_counts(tool):
    before = identity([], [str(tool)])
    (tool / "lib" / "a.js").write_text("changed")
    assert identity([], [str(tool)]) == before
    (tool / "acme-1.1.dist-info").mkdir()
    assert identity([], [str(tool)]) != before
