"""The published schema stands alone: the files fit it, and its lists of rules agree with the rules there are."""

from __future__ import annotations

import json

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.policy import BUILT_IN
from theodore_loader.policy.yaml_reader import read_yaml
from theodore_plugin.finding import Silencer
from theodore_plugin.rules.book import rule_book
from theodore_sdk.info import PermissionType, PluginCategory, PluginResourceLimits

SCHEMA = json.loads((policies_dir() / "schemas" / "policy.schema.json").read_bytes())


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("name", BUILT_IN)
def test_built_in_policies_fit_the_published_schema(name: str) -> None:
    document = read_yaml((policies_dir() / f"{name}.yaml").read_bytes(), name)
    jsonschema.Draft202012Validator(SCHEMA).validate(document.value)


def test_the_schema_knows_every_permission_type_and_every_limit() -> None:
    definitions = SCHEMA["$defs"]
    assert set(definitions["permissions"]["properties"]) == {kind.value for kind in PermissionType}
    assert set(definitions["limits"]["properties"]) == set(PluginResourceLimits.__dataclass_fields__)


def test_the_schema_knows_every_category() -> None:
    categories = {category.value for category in PluginCategory}
    assert set(SCHEMA["properties"]["categories"]["properties"]) == categories
    assert set(SCHEMA["$defs"]["category"]["enum"]) == categories
    assert set(SCHEMA["properties"]["audiences"]["properties"]) == set(SCHEMA["$defs"]["audience"]["enum"])


def test_the_schema_agrees_with_the_rules_there_are() -> None:
    definitions = SCHEMA["$defs"]
    settable, fixed = set(definitions["rule_name"]["anyOf"][0]["enum"]), set(definitions["fixed_rule"]["enum"])
    assert not settable & fixed
    for rule in rule_book().values():
        assert rule.name in (fixed if rule.silencer is Silencer.NOBODY else settable), rule.name
        assert (rule.name in definitions["reserved_rule"]["enum"]) == (rule.silencer is Silencer.POLICY), rule.name
