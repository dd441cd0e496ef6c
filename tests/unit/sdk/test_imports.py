"""The package is imported by every worker: it must be light, lazy and complete."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import theodore_sdk

ROOT = Path(theodore_sdk.__file__).parent


def modules_after(code: str) -> set[str]:
    """Return the modules loaded by ``code`` in a fresh interpreter without site-packages."""
    program = f"import sys; sys.path.insert(0, {str(ROOT.parent)!r}); {code}; print(*sys.modules)"
    output = subprocess.run([sys.executable, "-I", "-S", "-c", program], capture_output=True, check=True, text=True)
    return set(output.stdout.split())


def test_one_category_loads_no_other():
    loaded = modules_after("from theodore_sdk import ScraperPlugin, ScrapingRequest, PluginInfo")
    assert {name for name in loaded if name.startswith("theodore_sdk.ports.")} == {"theodore_sdk.ports.scraper"}
    assert not loaded & {"asyncio", "logging", "pathlib", "json"}


def test_importing_a_category_costs_less_than_30_milliseconds():
    """Processor time of the SDK's own code, best of five: other programs on the machine do not count."""
    program = (
        f"import sys, time, dataclasses, enum, typing, datetime; sys.path.insert(0, {str(ROOT.parent)!r});"
        "start = time.process_time(); from theodore_sdk import ScraperPlugin, ScrapingRequest, PluginInfo;"
        "print(time.process_time() - start)"
    )
    argv = [sys.executable, "-I", "-S", "-c", program]
    runs = [float(subprocess.run(argv, capture_output=True, check=True, text=True).stdout) for _ in range(5)]
    assert min(runs) < 0.030


def test_everything_loads_without_site_packages():
    loaded = modules_after("import theodore_sdk; [getattr(theodore_sdk, name) for name in theodore_sdk.__all__]")
    foreign = {name.partition(".")[0] for name in loaded} - sys.stdlib_module_names - {"theodore_sdk", "__main__"}
    assert not {name for name in foreign if not name.startswith("_")}


def test_the_lazy_names_are_the_typed_names():
    """What a type checker sees (the TYPE_CHECKING block) is what the running package offers, name by name."""
    block = next(node for node in ast.parse((ROOT / "__init__.py").read_text()).body if isinstance(node, ast.If))
    imports = [node for node in block.body if isinstance(node, ast.ImportFrom)]
    typed = {alias.name: f"{node.module}" for node in imports for alias in node.names}
    running = {name: f"theodore_sdk.{module}" for name, module in theodore_sdk._HOME_OF.items()}
    assert typed == running
    assert sorted(theodore_sdk.__all__) == sorted(typed)
    assert set(theodore_sdk.__all__) <= set(dir(theodore_sdk))


def test_every_public_class_of_the_package_is_exported():
    defined = {
        node.name
        for path in ROOT.rglob("*.py")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    }
    assert defined <= set(theodore_sdk.__all__)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'ScraperPlugni'"):
        theodore_sdk.ScraperPlugni  # noqa: B018
    with pytest.raises(AttributeError, match="has no attribute 'OTHER'"):
        theodore_sdk.ports.OTHER  # noqa: B018
