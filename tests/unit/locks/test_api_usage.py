"""The list of used SDK names: what the code shows, in one spelling, read strictly."""

from __future__ import annotations

import json

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.packaging.api_usage import ApiUsage, differences, from_json, to_json
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files, plugin

POLICY = load_policy("default")
SCHEMA = json.loads((policies_dir() / "schemas" / "api-usage.schema.json").read_bytes())


@pytest.fixture(scope="module")
def usage() -> ApiUsage:
    return analyse(PluginProject.from_files(example_files(plugin())), POLICY, ()).api


def test_names_members_and_hooks_are_listed(usage):
    assert {"theodore_sdk.ScraperPlugin", "theodore_sdk.PluginInfo.permissions"} <= usage.symbols
    assert any(hook.endswith("ScraperPlugin.scrape_content") for hook in usage.hooks)
    assert all(name.startswith("theodore_sdk") for name in usage.names)


def test_what_is_written_fits_the_published_schema_and_is_read_back(usage):
    data = to_json(usage)
    jsonschema.Draft7Validator(SCHEMA).validate(json.loads(data))
    assert from_json(data) == usage
    assert list(differences(usage, from_json(data))) == []


def test_one_name_more_or_less_is_noticed(usage):
    less = ApiUsage(usage.symbols - {"theodore_sdk.PluginInfo"}, usage.hooks)
    assert list(differences(less, usage)) == ["the code uses theodore_sdk.PluginInfo, which it does not list"]
    assert list(differences(usage, less)) == ["it lists theodore_sdk.PluginInfo, which the code does not use"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"{}",
        b'{"schema": 1, "symbols": []}',
        b'{"schema": 1, "symbols": [], "hooks": [], "more": 1}',
        b'{"schema": true, "symbols": [], "hooks": []}',
        b'{"schema": 1, "symbols": [1], "hooks": []}',
        b'{"schema": 1, "schema": 1, "symbols": [], "hooks": []}',
        b"[" * 100_000,
        b"\xff",
    ],
    ids=lambda data: repr(data[:30]),
)
def test_anything_else_is_refused(data):
    with pytest.raises(ValueError, match=r"\w"):
        from_json(data)
