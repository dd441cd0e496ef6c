import json

from theodore_plugin.cli import main


def kept(capsys):
    assert main(["cache", "status", "--format", "json"]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)["caches"]}


def test_what_is_kept_is_shown_and_can_be_removed(project_folder, capsys):
    assert main(["check", str(project_folder)]) == 0
    capsys.readouterr()
    before = kept(capsys)
    assert before["facts"]["entries"] == len(list((project_folder / "src").rglob("*.py")))
    assert before["facts"]["bytes"] <= before["facts"]["bound"]
    assert main(["cache", "clean"]) == 0
    assert capsys.readouterr().out.startswith("removed ")
    assert all(row["entries"] == row["bytes"] == 0 for row in kept(capsys).values())
    assert main(["check", str(project_folder)]) == 0


def test_nothing_kept_is_nothing_to_remove(capsys):
    assert main(["cache", "clean"]) == 0
    assert "removed 0.0 KiB" in capsys.readouterr().out


def test_the_table_names_the_folder(own_home, capsys):
    assert main(["cache", "status"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines()[0] == str(own_home / "cache")
    assert "scans" in out
