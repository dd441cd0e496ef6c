import json

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_plugin.cli import main
from theodore_plugin.cli.schema import SCHEMAS


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_printed_as_it_is_and_is_one(name, capsys):
    assert main(["schema", name]) == 0
    out = capsys.readouterr().out
    assert out == (policies_dir() / "schemas" / f"{name}.schema.json").read_text()
    jsonschema.Draft202012Validator.check_schema(json.loads(out))


def test_without_a_name_all_are_listed(capsys):
    assert main(["schema"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(SCHEMAS)


def test_a_misspelt_name_is_told_its_neighbour(capsys):
    assert main(["schema", "polcy"]) == 2
    error = capsys.readouterr().err
    assert "did you mean 'policy'?" in error
    assert "help: known: policy" in error


def test_a_policy_that_is_shipped_fits_the_schema_that_is_printed(capsys):
    from ruamel.yaml import YAML

    main(["schema", "policy"])
    schema = json.loads(capsys.readouterr().out)
    jsonschema.validate(YAML(typ="safe").load((policies_dir() / "strict.yaml").read_text()), schema)
