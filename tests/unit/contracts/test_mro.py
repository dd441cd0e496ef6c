"""The order of bases that is computed is the order Python itself uses: held against real packages."""

from __future__ import annotations

import importlib
import sysconfig
from pathlib import Path

import pytest

from theodore_plugin.contracts.catalogue import shipped_contracts
from theodore_plugin.contracts.mro import Linearisation
from theodore_plugin.facts import model as m
from theodore_plugin.facts.from_ast import lower
from theodore_plugin.facts.names import Names, OwnClass
from theodore_plugin.metadata.plugin_class import own_classes
from theodore_plugin.project import SourceFile

STDLIB = Path(sysconfig.get_paths()["stdlib"])
BASES = shipped_contracts().bases


def facts_of(package: str) -> Names:
    found = {}
    for path in sorted((STDLIB / package).rglob("*.py")):
        parts = path.relative_to(STDLIB).with_suffix("").parts
        if "test" in parts:
            continue  # not part of every installation, and full of classes that are made at run time
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        lowered = lower(SourceFile.of("/".join(parts) + ".py", name, path.read_bytes()))
        if isinstance(lowered, m.ModuleFacts):
            found[name] = lowered
    return Names(found)


@pytest.mark.parametrize("package", ["asyncio", "email", "http", "logging", "unittest", "xml"])
def test_the_order_is_that_of_the_running_classes(package: str) -> None:
    names = facts_of(package)
    orders = Linearisation(names, BASES)
    compared = 0
    for cls in own_classes(names):
        order = orders.of(cls)
        running = real(cls)
        if running is None:
            continue
        own = [f"{item.module.module}.{item.node.name}" for item in order if isinstance(item, OwnClass)]
        theirs = [f"{base.__module__}.{base.__qualname__}" for base in running.__mro__]
        assert own == [name for name in theirs if name.partition(".")[0] == package], own[0]
        compared += 1
    assert compared > 5


def real(cls: OwnClass) -> type | None:
    """The class itself, where this platform's module can be imported and still has it."""
    module = str(cls.module.module)
    if module.rpartition(".")[2] in {"__main__", "windows_events", "windows_utils"}:
        return None
    try:
        found = getattr(importlib.import_module(module), cls.node.name, None)
    except ImportError:
        return None
    same = isinstance(found, type) and (found.__module__, found.__qualname__) == (module, cls.node.name)
    return found if same else None
