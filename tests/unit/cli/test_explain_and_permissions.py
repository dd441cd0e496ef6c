import json

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_plugin.cli import main
from theodore_plugin.rules.book import rule_book

SOCKET = "\n\ndef f() -> None:\n    import socket\n\n    socket.create_connection(('example.org', 443))\n"


def test_explain_shows_a_rules_documentation(capsys):
    assert main(["explain", "undeclared-permission"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("# undeclared-permission")
    assert "## Use instead" in out


def test_explain_without_a_rule_lists_them_all(capsys):
    assert main(["explain"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in rule_book())


@pytest.mark.parametrize(
    ("name", "says"),
    [("undeclared-permision", "did you mean 'undeclared-permission'"), ("xyzzy", "no rule"), ("mypy/misc", "of mypy")],
)
def test_explain_of_what_is_no_rule_is_2(name, says, capsys):
    assert main(["explain", name]) == 2
    err = capsys.readouterr().err
    assert says in err
    assert "help: " in err


def test_permissions_shows_the_chain_to_the_call(project_folder, plugin_file, capsys):
    plugin_file.write_text(plugin_file.read_text() + SOCKET)
    assert main(["permissions", str(project_folder)]) == 0
    out = capsys.readouterr().out
    assert "network:connect example.org:443" in out
    assert "socket.create_connection" in out
    assert "declared by the plugin" in out


def test_permissions_as_json_are_those_of_the_report(project_folder, plugin_file, capsys):
    plugin_file.write_text(plugin_file.read_text() + SOCKET)
    assert main(["permissions", str(project_folder), "--output-format", "json"]) == 0
    values = json.loads(capsys.readouterr().out)
    schema = json.loads((policies_dir() / "schemas" / "report.schema.json").read_bytes())
    part = {"$defs": schema["$defs"], **schema["properties"]["permissions"]}
    jsonschema.validate(values, part)
    assert [found["target"] for found in values["inferred"]] == ["example.org:443"]


def test_permissions_seen_in_part_of_the_source_are_incomplete(project_folder, plugin_file, capsys):
    plugin_file.with_name("broken.py").write_text("def (\n")
    assert main(["permissions", str(project_folder)]) == 4
    assert "not analysed: src/page_notes/broken.py" in capsys.readouterr().err


def test_permissions_of_nothing_is_3(tmp_path, capsys):
    assert main(["permissions", str(tmp_path)]) == 3
    assert "help: " in capsys.readouterr().err
