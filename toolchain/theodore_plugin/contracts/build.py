"""Build one host version's contracts from a contract document and its history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.version import Version

from theodore_plugin.contracts.model import (
    ALWAYS,
    SDK,
    Contract,
    ContractAttribute,
    ContractMethod,
    ContractParameter,
    DataType,
    Life,
    ModuleSurface,
)

_Table = Mapping[str, Any]


def contract_tables(document: _Table, version: str) -> Mapping[str, Contract]:
    """Return the contracts of a document as ``version`` has them."""
    tables = dict(_forms(document["contracts"], document["history"], "", version))
    return {name: _contract(name, tables, document["history"], version) for name in sorted(tables)}


def lives(document: _Table) -> Mapping[str, Life]:
    """Return what the history says about each name."""
    return {name: life_of(entry) for name, entry in document["history"].items()}


def life_of(entry: _Table) -> Life:
    """Return one history entry's dates."""
    return Life(
        entry.get("since"),
        entry.get("deprecated"),
        entry.get("removed"),
        entry.get("replacement"),
        entry.get("experimental", False),
    )


def reached(moment: str | None, version: str) -> bool:
    """Whether ``version`` is at or past a moment that may never come."""
    return moment is not None and Version(version) >= Version(moment)


def offered(life: Life, version: str) -> bool:
    """Whether something with that life exists in ``version``."""
    started = life.since is None or reached(life.since, version)
    return started and not reached(life.removed, version)


def data_types(document: _Table, version: str) -> Mapping[str, DataType]:
    """Return the data types by bare name, with the members ``version`` has."""
    found = {}
    for qualified, table in document["types"].items():
        name = qualified.rpartition(".")[2]
        if offered(life_of(document["history"].get(name, {})), version):
            members = frozenset(_members(document, name, table, version))
            fields = tuple(field["name"] for field in table["fields"] if field["name"] in members)
            found[name] = DataType(name, table["kind"], members, fields)
    return found


def _members(document: _Table, name: str, table: _Table, version: str) -> Iterator[str]:
    current = {*table["members"], *table["methods"], *(field["name"] for field in table["fields"])}
    past = {key.partition(".")[2] for key in document["history"] if key.startswith(f"{name}.")}
    for member in current | past:
        if offered(life_of(document["history"].get(f"{name}.{member}", {})), version):
            yield member


def surfaces(document: _Table, version: str) -> Mapping[str, ModuleSurface]:
    """Return which names each SDK module offers; names that are gone are offered by the package itself."""
    history = document["history"]
    gone = {name for name, entry in history.items() if "." not in name and entry.get("removed")}
    found = {}
    for module, table in document["modules"].items():
        names = set(table["exports"]) | (gone if module == SDK else set())
        exports = {name for name in names if offered(life_of(history.get(name, {})), version)}
        found[module] = ModuleSurface(frozenset(exports), frozenset(table["internal"]))
    return found


def exceptions(document: _Table) -> Mapping[str, tuple[str, ...]]:
    """Return every exception of a document with its bases."""
    return {name: tuple(table["bases"]) for name, table in document["exceptions"].items()}


def _forms(tables: _Table, history: _Table, prefix: str, version: str) -> Iterator[tuple[str, _Table]]:
    """Iterate over the tables that exist in ``version``, in the form they have there."""
    past = {key.removeprefix(prefix) for key in history if key.startswith(prefix)}
    for name in sorted({*tables, *(key for key in past if "." not in key)}):
        form = _form(tables.get(name), history.get(prefix + name, {}), version)
        if form is not None:
            yield name, form


def _form(current: _Table | None, entry: _Table, version: str) -> _Table | None:
    if not offered(life_of(entry), version):
        return None
    for earlier in sorted(entry.get("earlier", ()), key=lambda item: Version(item["until"])):
        if not reached(earlier["until"], version):
            form: _Table = earlier["form"]
            return form
    return current if current is not None else entry.get("form")


def _contract(name: str, tables: _Table, history: _Table, version: str) -> Contract:
    lineage = _lineage(name, tables)
    methods: dict[str, ContractMethod] = {}
    attributes: dict[str, ContractAttribute] = {}
    for owner in reversed(lineage):
        for member, form in _forms(tables[owner]["methods"], history, f"{owner}.", version):
            if "kind" in form:
                life = life_of(history.get(f"{owner}.{member}", {}))
                methods[member] = _method(member, owner, form, tables[owner]["raises"], life)
        for member, form in _forms(tables[owner]["attributes"], history, f"{owner}.", version):
            if "kind" not in form:
                life = life_of(history.get(f"{owner}.{member}", {}))
                attributes[member] = ContractAttribute(member, owner, form["annotation"], form["required"], life)
    table = tables[name]
    life = life_of(history[name]) if name in history else ALWAYS
    return Contract(name, table["module"], table["category"], lineage, methods, attributes, life)


def _lineage(name: str, tables: _Table) -> tuple[str, ...]:
    found: list[str] = []
    pending = [name]
    while pending:
        current = pending.pop(0)
        if current not in found and current in tables:
            found.append(current)
            pending.extend(tables[current]["bases"])
    return tuple(found)


def _method(name: str, owner: str, table: _Table, family: list[str] | None, life: Life) -> ContractMethod:
    parameters = tuple(
        ContractParameter(item["name"], item["kind"], item["default"], item["annotation"])
        for item in table["parameters"]
    )
    raises = family if table.get("raises") is None else table["raises"]
    allowed = None if raises is None else tuple(raises)
    return ContractMethod(name, owner, table["kind"], table["abstract"], parameters, table["returns"], allowed, life)
