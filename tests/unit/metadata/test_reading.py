"""Metadata is read like Python would evaluate it, as far as nothing has to run."""

from __future__ import annotations

from pathlib import Path

import pytest

from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse, build_context
from theodore_plugin.metadata import MetadataReading
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files, plugin
from theodore_sdk.info import PermissionType, PluginCategory

PLUGINS = Path(__file__).parents[2] / "plugins"
POLICY = load_policy("default")


def read(code: str, **more: str) -> MetadataReading:
    files = {**example_files(code), **{path: text.encode() for path, text in more.items()}}
    return build_context(PluginProject.from_files(files), POLICY).metadata


def test_a_literal_is_read_completely() -> None:
    reading = read(plugin())
    assert reading.problems == ()
    assert reading.plugin_class == "demo.plugin:Demo"
    assert reading.info is not None
    assert reading.info.category is PluginCategory.SCRAPER
    assert reading.info.permissions[0].type is PermissionType.NETWORK
    assert reading.where("/permissions/0/pattern") == reading.locations["/permissions/0/pattern"]


LITERALS = {
    "a module constant": ('VERSION = "1.2"\n', "version", "VERSION", "1.2"),
    "a chain of constants": ('A = "1.2"\nB = A\n', "version", "B", "1.2"),
    "an f-string": ('A = 1\nB = "2"\n', "version", 'f"{A}.{B}"', "1.2"),
    "a sum": ('A = "1."\n', "version", 'A + "2"', "1.2"),
    "adjacent strings": ("", "version", '"1." "2"', "1.2"),
    "a list sum": ('A = ["a"]\n', "tags", 'A + ["b"]', ["a", "b"]),
    "a spread list": ('A = ["a"]\n', "tags", '[*A, "b"]', ["a", "b"]),
    "a spread dict": ('A = {"type": "object"}\n', "configuration_schema", '{**A, "x": 1}', {"type": "object", "x": 1}),
    "a merged dict": ('A = {"a": 1}\n', "configuration_schema", 'A | {"b": -2}', {"a": 1, "b": -2}),
    "arithmetic": ("", "configuration_schema", '{"maximum": 60 * 60 - 1}', {"maximum": 3599}),
}


@pytest.mark.parametrize(("extra", "name", "source", "value"), LITERALS.values(), ids=LITERALS.keys())
def test_the_literal_part_of_python_is_understood(extra: str, name: str, source: str, value: object) -> None:
    reading = read(plugin(extra=extra, **{name: source}))
    assert reading.problems == ()
    assert reading.values[name] == value


def test_constants_of_own_modules_are_followed() -> None:
    code = plugin(
        extra="from demo.about import VERSION\nfrom . import about\n", version="VERSION", description="about.TEXT"
    )
    reading = read(code, **{"demo/about.py": 'VERSION = "3.0"\nTEXT = f"v{VERSION}"\n'})
    assert (reading.values["version"], reading.values["description"]) == ("3.0", "v3.0")


COMPUTED = {
    "a call": "make()",
    "a method": '"a".upper()',
    "a comprehension": "[x for x in y]",
    "a conditional": '"a" if True else "b"',
    "an attribute of self": "self.version",
    "an unknown name": "NOWHERE",
    "a name defined by itself": "LOOP",
}


@pytest.mark.parametrize("source", COMPUTED.values(), ids=COMPUTED.keys())
def test_what_is_computed_is_pointed_at(source: str) -> None:
    reading = read(plugin(version=source, extra="LOOP = LOOP\n"))
    [problem] = reading.problems
    assert problem.rule == "metadata-not-literal"
    assert reading.info is None
    assert reading.values["name"] == "demo"
    text = example_files(plugin(version=source, extra="LOOP = LOOP\n"))["demo/plugin.py"].decode().splitlines()
    line = text[problem.location.line - 1]
    assert source[:4] in line


WRONG = {
    "a wrong type": ("tags", '"web"', "tags must be a list of str"),
    "a wrong item": ("tags", "[1]", "tags must be a list of str"),
    "an unknown member": ("category", "PluginCategory.SCAPER", "has no member SCAPER"),
    "an unknown value": ("category", 'PluginCategory("x")', "has no value 'x'"),
    "a bad range": ("compatible_versions", 'VersionRange(">>2")', "VersionRange"),
    "a bool for a number": ("resource_limits", "PluginResourceLimits(max_memory_mb=True)", "must be int"),
}


@pytest.mark.parametrize(("name", "source", "message"), WRONG.values(), ids=WRONG.keys())
def test_what_is_literal_and_wrong_says_what_is_expected(name: str, source: str, message: str) -> None:
    problems = read(plugin(**{name: source})).problems
    assert [problem.rule for problem in problems] == ["manifest-invalid"]
    assert message in problems[0].message


def test_every_problem_is_reported_at_once() -> None:
    reading = read(plugin(max_python_version=None, optional_packages=None, tags="1", version="make()"))
    assert len(reading.problems) == 4


def test_two_returns_are_not_a_literal() -> None:
    code = plugin().replace(
        "        return PluginInfo(", "        if self:\n            return None\n        return PluginInfo("
    )
    assert [problem.rule for problem in read(code).problems] == ["metadata-not-literal"]


INFO = "    def get_plugin_info(self)"
REPLACED = {
    "a second method": plugin() + "\n    def get_plugin_info(self):\n        return OTHER\n",
    "an assigned method": plugin() + "\n    get_plugin_info = OTHER\n",
    "a conditional method": plugin()
    + "\n    if OTHER:\n        def get_plugin_info(self):\n            return OTHER\n",
    "a decorated method": plugin().replace(INFO, f"    @OTHER\n{INFO}"),
    "a method put in from outside": plugin() + "\n\nDemo.get_plugin_info = OTHER\n",
    "another class of that name": plugin() + "\n\nclass Demo:\n    pass\n",
    "an import of that name": plugin() + "\n\nfrom json import JSONEncoder as Demo\n",
    "a loop over that name": plugin() + "\n\nfor Demo in [OTHER]:\n    pass\n",
    "that name in a tuple": plugin() + "\n\n(x, *Demo) = OTHER\n",
}


@pytest.mark.parametrize("code", REPLACED.values(), ids=REPLACED.keys())
def test_metadata_that_is_replaced_at_run_time_is_not_a_literal(code: str) -> None:
    reading = read(code)
    assert [problem.rule for problem in reading.problems] == ["metadata-not-literal"]
    assert reading.info is None


def test_two_plugin_classes_are_both_named() -> None:
    reading = read("from theodore_sdk import ExporterPlugin\n\n\nclass Other(ExporterPlugin):\n    pass\n")
    [problem] = reading.problems
    assert problem.rule == "manifest-ambiguous"
    assert "Demo" in problem.message
    assert "Other" in problem.message


def test_an_own_base_class_is_no_second_plugin() -> None:
    reading = read("from demo.plugin import Demo\n\n\nclass Better(Demo):\n    pass\n")
    assert reading.plugin_class == "demo.example:Better"
    assert reading.problems == ()


def test_the_tickets_own_example_is_rejected_with_its_defects_named() -> None:
    result = analyse(PluginProject.open(PLUGINS / "ticket-example"), POLICY)
    found = {(item.rule, item.location.line, item.message) for item in result.findings}
    source = (PLUGINS / "ticket-example" / "plugin.py").read_text().splitlines()
    call = source.index("        return PluginInfo(") + 1
    cls = next(number for number, line in enumerate(source, 1) if line.startswith("class ExampleScraperPlugin"))
    interfaces = next(number for number, line in enumerate(source, 1) if 'interfaces=["ScraperPort"]' in line)
    assert ("manifest-invalid", call, "PluginInfo is missing required argument max_python_version") in found
    assert ("manifest-invalid", call, "PluginInfo is missing required argument optional_packages") in found
    assert any(
        rule == "missing-method" and line == cls and "validate_configuration" in text for rule, line, text in found
    )
    assert any(rule == "interface-not-implemented" and line == interfaces for rule, line, _ in found)
    assert {line for rule, line, _ in found if rule == "host-internals-import"} == {4, 5, 6}
