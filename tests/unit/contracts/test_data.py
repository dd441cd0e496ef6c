"""The contract data says what the SDK is and what was read off Theodore's sources.

The SDK side is held against the running classes, so that the generator cannot be wrong in a way the file shares.
Theodore cannot be installed, so its side is held against a table of facts, written down here by hand.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import json

import jsonschema
import pytest

import theodore_sdk
from theodore_loader.channel.codec import PROTOCOL_VERSION
from theodore_loader.data import policies_dir
from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.contracts.catalogue import Catalogue, load_catalogue, shipped_catalogue, shipped_contracts
from theodore_plugin.contracts.generate import sdk_contracts
from theodore_plugin.contracts.lineage import Lineages
from theodore_plugin.facts.names import Names
from theodore_sdk.versions import VersionRange

FOLDER = policies_dir() / "contracts"
CONTRACTS = shipped_contracts()
SDK = json.loads((FOLDER / "sdk.json").read_bytes())
PORTS = json.loads((FOLDER / "theodore-v2.json").read_bytes())
KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "positional_only",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "positional_or_keyword",
    inspect.Parameter.VAR_POSITIONAL: "var_positional",
    inspect.Parameter.KEYWORD_ONLY: "keyword_only",
    inspect.Parameter.VAR_KEYWORD: "var_keyword",
}


def running(qualified: str) -> type:
    module, _, name = qualified.rpartition(".")
    found = getattr(importlib.import_module(module), name)
    assert isinstance(found, type)
    return found


# ── the SDK ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", sorted(SDK["contracts"]))
def test_a_base_class_is_described_as_it_runs(name: str) -> None:
    described = SDK["contracts"][name]
    cls = running(f"{described['module']}.{name}")
    assert [base.__name__ for base in cls.__bases__ if base.__name__ != "ABC"] == described["bases"]
    for method, table in described["methods"].items():
        function = cls.__dict__[method]
        parameters = list(inspect.signature(function).parameters.values())[1:]
        assert [(p.name, KINDS[p.kind], p.default is not p.empty) for p in parameters] == [
            (p["name"], p["kind"], p["default"]) for p in table["parameters"]
        ]
        assert inspect.iscoroutinefunction(function) == (table["kind"] == "async")
        assert getattr(function, "__isabstractmethod__", False) == table["abstract"]
        assert function.__annotations__.get("return") == table["returns"]
    assert {item for item in vars(cls) if not item.startswith("_") and callable(vars(cls)[item])} == set(
        described["methods"]
    )


@pytest.mark.parametrize("qualified", sorted(SDK["types"]))
def test_a_data_type_is_described_as_it_runs(qualified: str) -> None:
    table, cls = SDK["types"][qualified], running(qualified)
    if issubclass(cls, enum.Enum):
        assert table["members"] == {member.name: member.value for member in cls}
        return
    if dataclasses.is_dataclass(cls):
        assert [item["name"] for item in table["fields"]] == [item.name for item in dataclasses.fields(cls)]
        required = [item.default is item.default_factory is dataclasses.MISSING for item in dataclasses.fields(cls)]
        assert [item["default"] is None for item in table["fields"]] == required
    public = {item for item in vars(cls) if not item.startswith("_")}
    assert public <= {*table["methods"], *(item["name"] for item in table["fields"])}


def test_exports_are_the_packages_own_list_and_live_where_the_data_says() -> None:
    assert set(SDK["modules"]["theodore_sdk"]["exports"]) == set(theodore_sdk.__all__)
    for module, surface in SDK["modules"].items():
        for name in surface["exports"]:
            assert hasattr(importlib.import_module(module), name), f"{module}.{name}"


def test_exceptions_derive_as_they_run() -> None:
    lineages = Lineages(Names({}), CONTRACTS.exceptions)
    for qualified in SDK["exceptions"]:
        cls = running(qualified)
        family = lineages.family([base.__name__ for base in cls.__mro__ if base.__module__.startswith("theodore_sdk")])
        assert cls.__name__ in family
        assert {base.__name__ for base in cls.__bases__} == {
            base.rpartition(".")[2] for base in SDK["exceptions"][qualified]["bases"]
        }


def test_the_generator_keeps_the_history_it_is_given() -> None:
    history = {"RateLimit": {"deprecated": "2.1.0"}}
    assert json.loads(sdk_contracts(history))["history"] == history
    assert json.loads(sdk_contracts())["history"] == SDK["history"]


# ── Theodore ─────────────────────────────────────────────────────────────────────────────────────

OWN_METHODS = {
    "WebScraper": 8,
    "StreamingWebScraper": 2,
    "AIProvider": 11,
    "StreamingAIProvider": 2,
    "CacheableAIProvider": 3,
    "MultiModelAIProvider": 2,
    "AIProviderFactory": 3,
    "AIProviderMiddleware": 3,
    "EmbeddingProvider": 12,
    "BatchEmbeddingProvider": 2,
    "CacheableEmbeddingProvider": 4,
    "SimilarityEmbeddingProvider": 3,
    "EmbeddingProviderFactory": 3,
    "EmbeddingProviderMiddleware": 3,
    "VectorStorage": 21,
    "BatchVectorStorage": 3,
    "StreamingVectorStorage": 2,
    "CacheableVectorStorage": 3,
    "VectorStorageFactory": 3,
    "MCPSearchTool": 10,
    "StreamingMCPSearchTool": 1,
    "CacheableMCPSearchTool": 3,
    "BatchMCPSearchTool": 2,
    "MCPSearchToolFactory": 3,
    "DomainDiscoveryPort": 7,
    "CacheableDomainDiscovery": 2,
    "StreamingDomainDiscovery": 1,
    "ProgressTracker": 5,
    "ExportEnginePort": 5,
    "ReportEnginePort": 10,
    "AnalyticsEnginePort": 8,
    "VisualizationEnginePort": 9,
}
SIGNATURES = {
    "WebScraper.scrape_page": "async def scrape_page(self, url, config=…, progress_callback=…)",
    "WebScraper.supports_javascript": "def supports_javascript(self)",
    "AIProvider.__aexit__": "async def __aexit__(self, exc_type, exc_val, exc_tb)",
    "AIProvider.validate_configuration": "async def validate_configuration(self, config)",
    "AIProviderFactory.create_provider": "def create_provider(self, provider_type=…, **kwargs)",
    "VectorStorage.create_index": (
        "async def create_index(self, index_name, dimensions, metric=…, metadata_config=…, **kwargs)"
    ),
    "MCPSearchTool.validate_configuration": "async def validate_configuration(self)",
    "MCPSearchTool.search_similar_companies": (
        "async def search_similar_companies(self, company_name, company_website=…, company_description=…, limit=…, "
        "filters=…, page_token=…, progress_callback=…)"
    ),
    "DomainDiscoveryPort.suggest_alternative_domains": (
        "async def suggest_alternative_domains(self, company_name, primary_domain, config=…)"
    ),
    "ProgressTracker.fail": "def fail(self, operation_id, error, message=…)",
}
EXCEPTIONS = {
    "web_scraper": ("WebScraperError", 4),
    "ai_provider": ("AIProviderException", 5),
    "embedding_provider": ("EmbeddingProviderException", 5),
    "vector_storage": ("VectorStorageException", 5),
    "mcp_search_tool": ("MCPSearchException", 4),
    "domain_discovery": ("DomainDiscoveryException", 2),
}
ENUMS = {
    "value_objects.scraping_config.ScrapingMode": {"single_page", "multi_page", "recursive_crawl", "sitemap_based"},
    "value_objects.scraping_result.PageStatus": {"success", "failed", "skipped", "timeout", "blocked"},
    "value_objects.ai_response.FinishReason": {"stop", "length", "content_filter", "function_call", "error", "timeout"},
    "value_objects.vector_config.SimilarityMetric": {
        "cosine",
        "euclidean",
        "dot_product",
        "manhattan",
        "jaccard",
        "hamming",
    },
    "entities.company.CompanySize": {"1-10", "11-50", "51-200", "201-1000", "1000+", "unknown"},
}
FIELDS = {
    "value_objects.scraping_result.PageResult": 12,
    "value_objects.scraping_result.ScrapingResult": 14,
    "value_objects.ai_response.EmbeddingResult": 13,
    "value_objects.vector_result.VectorSearchResult": 15,
    "entities.company.Company": 43,
}


def test_every_port_has_its_methods() -> None:
    assert {name: len(table["methods"]) for name, table in PORTS["contracts"].items()} == OWN_METHODS


@pytest.mark.parametrize("member", sorted(SIGNATURES))
def test_a_port_method_is_called_as_written_down(member: str) -> None:
    port, _, method = member.partition(".")
    assert str(CONTRACTS.ports[port].methods[method]) == SIGNATURES[member]


def test_ports_inherit_what_their_bases_demand() -> None:
    port = CONTRACTS.ports["StreamingAIProvider"]
    assert port.lineage == ("StreamingAIProvider", "AIProvider")
    assert len(port.methods) == 13
    assert port.methods["health_check"].owner == "AIProvider"


def test_only_three_methods_are_more_than_declared() -> None:
    ports = CONTRACTS.ports.values()
    concrete = {method.name for port in ports for method in port.methods.values() if not method.abstract}
    assert concrete == {"suggest_alternative_domains", "get_domain_info"}
    generators = {method.name for port in ports for method in port.methods.values() if method.kind == "asyncgen"}
    assert generators == {"discover_domains_streaming"}


@pytest.mark.parametrize("module", sorted(EXCEPTIONS))
def test_a_ports_methods_raise_the_family_of_their_module(module: str) -> None:
    base, derived = EXCEPTIONS[module]
    qualified = f"src.core.ports.{module}.{base}"
    family = Lineages(Names({}), CONTRACTS.exceptions).family([base])
    assert len(family) == derived + 1
    ports = [port for port in CONTRACTS.ports.values() if port.module == f"src.core.ports.{module}"]
    assert {method.raises for port in ports for method in port.methods.values()} == {(qualified,)}


def test_ports_without_an_exception_contract_leave_exceptions_open() -> None:
    assert {method.raises for method in CONTRACTS.ports["ProgressTracker"].methods.values()} == {None}


@pytest.mark.parametrize("name", sorted(ENUMS))
def test_an_enum_has_its_values(name: str) -> None:
    assert set(PORTS["types"][f"src.core.domain.{name}"]["members"].values()) == ENUMS[name]


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_data_type_has_its_fields(name: str) -> None:
    assert len(PORTS["types"][f"src.core.domain.{name}"]["fields"]) == FIELDS[name]


def test_names_that_two_modules_define_stay_two() -> None:
    found = [name for name in PORTS["types"] if name.endswith(".RetryConfig")]
    assert len(found) == 2
    assert PORTS["types"][found[0]]["fields"] != PORTS["types"][found[1]]["fields"]


def test_what_the_sources_use_and_define_nowhere_is_said_to_be_undefined() -> None:
    assert {"ModelInfo", "AnalysisConfig", "CompanyData"} <= set(PORTS["undefined"])
    assert not {name.rpartition(".")[2] for name in PORTS["types"]} & set(PORTS["undefined"])


# ── files ────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["hosts", "decorators"])
def test_a_file_follows_its_schema(name: str) -> None:
    schema = json.loads((policies_dir() / "schemas" / f"contract-{name}.schema.json").read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(json.loads((FOLDER / f"{name}.json").read_bytes()))


def test_one_host_is_known_and_speaks_the_protocol_of_this_sdk() -> None:
    hosts = shipped_catalogue().hosts
    assert [host.version for host in hosts] == ["2.0.0"]
    assert PROTOCOL_VERSION in hosts[0].protocols


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("sdk.json", b"{", "contract file sdk.json"),
        ("sdk.json", b"[]", "contract file sdk.json"),
        ("theodore-v2.json", b'{"schema": 1}', "has schema 1, not 2"),
        ("hosts.json", b'{"schema": 1, "hosts": []}', "knows no host"),
        ("hosts.json", b'{"schema": 1, "hosts": [{"version": "two", "protocols": [1]}]}', "two"),
        ("hosts.json", None, "contract file hosts.json"),
    ],
)
def test_damaged_data_is_refused_with_its_name(tmp_path, name: str, content: bytes | None, says: str) -> None:
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    if content is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ConfigurationProblem) as refused:
        load_catalogue(tmp_path)
    assert says in str(refused.value)
    assert refused.value.help


def test_a_document_that_lacks_a_part_is_refused_when_it_is_needed(tmp_path) -> None:
    for path in FOLDER.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    (tmp_path / "sdk.json").write_text('{"schema": 2}')
    with pytest.raises(ConfigurationProblem, match=r"contract data for host 2\.0\.0"):
        _ = load_catalogue(tmp_path).newest


# ── history ──────────────────────────────────────────────────────────────────────────────────────

FORM = {"kind": "sync", "abstract": True, "parameters": [], "returns": None, "raises": None}


def line(history: dict[str, object], *versions: str) -> Catalogue:
    hosts = [{"version": version, "protocols": [1]} for version in versions]
    return shipped_catalogue().extended({"hosts": hosts, "sdk": history, "ports": {}})


def test_a_members_forms_follow_one_another() -> None:
    earlier = [{"until": "2.2.0", "form": {**FORM, "kind": "async"}}, {"until": "2.1.0", "form": FORM}]
    catalogue = line({"ScraperPlugin.scrape_content": {"earlier": earlier}}, "2.1.0", "2.2.0")
    methods = [catalogue.at(version).bases["ScraperPlugin"].methods for version in ("2.0.0", "2.1.0", "2.2.0")]
    assert [str(item["scrape_content"]) for item in methods] == [
        "def scrape_content(self)",
        "async def scrape_content(self)",
        "async def scrape_content(self, request)",
    ]


def test_a_removed_member_is_there_before() -> None:
    history = {"StoragePlugin.flush": {"removed": "2.1.0", "form": FORM}, "VectorQuery.top_k": {"since": "2.1.0"}}
    old, new = (line(history, "2.1.0").at(version) for version in ("2.0.0", "2.1.0"))
    assert "flush" in old.bases["StoragePlugin"].methods
    assert "flush" not in new.bases["StoragePlugin"].methods
    assert "top_k" not in old.types["VectorQuery"].members
    assert "top_k" in new.types["VectorQuery"].members


def test_a_contract_and_a_name_can_come_and_go() -> None:
    history = {"WebhookPlugin": {"since": "2.1.0"}, "OldThing": {"removed": "2.1.0", "replacement": "RateLimit"}}
    old, new = (line(history, "2.1.0").at(version) for version in ("2.0.0", "2.1.0"))
    assert "WebhookPlugin" not in old.bases
    assert "WebhookPlugin" in new.bases
    assert "OldThing" in old.modules["theodore_sdk"].exports
    assert "OldThing" not in new.modules["theodore_sdk"].exports


@pytest.mark.parametrize(
    ("wanted", "admitted"),
    [
        (">=2.0.0,<3.0.0", True),
        ("~=2.7", True),
        (">2.5", True),
        ("==2.3.*", True),
        ("!=2.0.0", True),
        ("", True),
        (">=2.0.1,<2.0.2", True),
        (">=3", False),
        ("<2", False),
        ("==1.*", False),
        (">=2.5,<2.1", False),
        ("===weird", False),
    ],
)
def test_which_ranges_admit_a_host_of_a_known_line(wanted: str, admitted: bool) -> None:
    assert shipped_catalogue().line_admits(VersionRange(wanted)) is admitted
