from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from theodore_loader.data import policies_dir
from theodore_plugin.contracts.generate import render, sdk_contracts
from theodore_sdk import CATEGORY_BASES

FILES = ("sdk.json", "theodore-v2.json")


def contract_file(name: str) -> Path:
    return policies_dir() / "contracts" / name


def load(name: str) -> dict[str, Any]:
    return json.loads(contract_file(name).read_bytes())


def test_sdk_contracts_are_up_to_date():
    assert contract_file("sdk.json").read_bytes() == sdk_contracts(), (
        "the SDK changed; run `python -m theodore_plugin.contracts.generate` and review the difference"
    )


def test_generating_twice_gives_the_same_bytes():
    assert sdk_contracts() == sdk_contracts()


@pytest.mark.parametrize("name", FILES)
def test_contract_files_follow_the_published_schema(name: str):
    schema = json.loads((policies_dir() / "schemas" / "contract.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(load(name))


@pytest.mark.parametrize("name", FILES)
def test_contract_files_are_in_canonical_form(name: str):
    document = load(name)
    assert contract_file(name).read_bytes() == render(document.pop("source"), document)


@pytest.mark.parametrize("name", FILES)
def test_every_base_is_a_contract_of_the_same_file(name: str):
    contracts = load(name)["contracts"]
    assert {base for contract in contracts.values() for base in contract["bases"]} <= set(contracts)


def test_sdk_contracts_name_the_base_class_of_every_category():
    contracts = load("sdk.json")["contracts"]
    named = {contract["category"]: name for name, contract in contracts.items() if contract["category"]}
    assert named == {category.value: base.__name__ for category, base in CATEGORY_BASES.items()}


def test_sdk_contracts_agree_with_the_running_classes():
    contracts = load("sdk.json")["contracts"]
    for base in CATEGORY_BASES.values():
        own, inherited = contracts[base.__name__]["methods"], contracts["PluginInterface"]["methods"]
        abstract = {name for name, method in (own | inherited).items() if method["abstract"]}
        assert abstract == base.__abstractmethods__


def test_port_contracts_keep_what_collides_with_the_plugin_interface():
    """The facts that make one class unable to be both a plugin and a port implementation."""
    ports = load("theodore-v2.json")["contracts"]
    assert ports["WebScraper"]["methods"]["supports_javascript"]["kind"] == "sync"
    assert ports["MCPSearchTool"]["methods"]["validate_configuration"]["parameters"] == []
    assert ports["AIProvider"]["methods"]["health_check"]["returns"] == "Dict[str, Any]"
    assert ports["StreamingDomainDiscovery"]["methods"]["discover_domains_streaming"]["kind"] == "asyncgen"
    assert len(ports) == 32
    assert sum(len(port["methods"]) for port in ports.values()) == 159
