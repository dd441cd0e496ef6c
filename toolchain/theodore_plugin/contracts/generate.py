"""Write ``policies/contracts/sdk.json`` from the source of ``theodore_sdk``.

The static checker compares plugins with this file, so it never imports the SDK it checks against, and a change
of the SDK shows in review as a change of the contract. Deterministic: the same source gives the same bytes.
What source cannot say, namely which host versions had what, is the file's ``history``; it is written by hand and kept.

Run it as ``python -m theodore_plugin.contracts.generate``.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import theodore_sdk
from theodore_loader.data import policies_dir
from theodore_plugin.contracts.surface import module_surface, type_table

_FunctionDef: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Json: TypeAlias = dict[str, Any]

SCHEMA_VERSION = 2
NEVER_RAISES = ("health_check",)
"""Hooks whose failure is an answer, not an exception; what other SDK hooks may raise is not limited."""


def sdk_contracts(history: Mapping[str, Any] | None = None) -> bytes:
    """Return the contract file of the SDK installed beside this toolchain, with the given or the kept history."""
    root = Path(theodore_sdk.__file__).parent
    categories = _enum_values(_parse(root / "info.py"), "PluginCategory")
    contracts: _Json = {}
    for path in (root / "plugin.py", *sorted((root / "ports").glob("*.py"))):
        contracts |= _module_contracts(path, root, set(contracts), categories)
    modules = {_module_name(path, root): _parse(path) for path in sorted(root.rglob("*.py"))}
    exceptions, types = type_table(modules, set(contracts))
    document = {
        "contracts": contracts,
        "exceptions": exceptions,
        "types": types,
        "modules": module_surface(modules),
        "undefined": [],
        "history": dict(_kept_history() if history is None else history),
    }
    return render("theodore_sdk", document)


def render(source: str, document: Mapping[str, Any]) -> bytes:
    """Return a contract file's bytes: sorted keys, two spaces, one trailing newline."""
    whole = {**document, "schema": SCHEMA_VERSION, "source": source}
    return (json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _kept_history() -> Mapping[str, Any]:
    path = _target()
    found: Mapping[str, Any] = json.loads(path.read_bytes()).get("history", {}) if path.is_file() else {}
    return found


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(("theodore_sdk", *(part for part in parts if part != "__init__")))


def _module_contracts(path: Path, root: Path, known: set[str], categories: Mapping[str, str]) -> _Json:
    """Return the contracts of one module: classes deriving from ``ABC`` or from a contract."""
    module = _module_name(path, root)
    found: _Json = {}
    for node in _parse(path).body:
        if not isinstance(node, ast.ClassDef):
            continue
        bases = [ast.unparse(base) for base in node.bases]
        if "ABC" in bases or any(base in known or base in found for base in bases):
            found[node.name] = _contract(node, module, bases, categories)
    return found


def _contract(node: ast.ClassDef, module: str, bases: list[str], categories: Mapping[str, str]) -> _Json:
    return {
        "module": module,
        "bases": [base for base in bases if base != "ABC"],
        "category": _category(node, categories),
        "raises": None,
        "attributes": dict(_attributes(node)),
        "methods": {item.name: describe_method(item) for item in node.body if isinstance(item, _FunctionDef)},
    }


def _attributes(node: ast.ClassDef) -> Iterator[tuple[str, _Json]]:
    """Iterate over annotated attributes; the category's base class sets every one there is."""
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            yield item.target.id, {"annotation": ast.unparse(item.annotation), "required": False}


def describe_method(node: _FunctionDef) -> _Json:
    """Return one method as the contract file describes it; ``self`` is left out."""
    return {
        "kind": _kind(node),
        "abstract": any(ast.unparse(mark).endswith("abstractmethod") for mark in node.decorator_list),
        "parameters": list(_parameters(node.args))[1:],
        "returns": ast.unparse(node.returns) if node.returns else None,
        "raises": [] if node.name in NEVER_RAISES else None,
    }


def _kind(node: _FunctionDef) -> str:
    if isinstance(node, ast.FunctionDef):
        return "sync"
    return "asyncgen" if any(isinstance(inner, ast.Yield) for inner in ast.walk(node)) else "async"


def _parameters(args: ast.arguments) -> Iterator[_Json]:
    positional = [*args.posonlyargs, *args.args]
    first_default = len(positional) - len(args.defaults)
    for index, arg in enumerate(positional):
        kind = "positional_only" if index < len(args.posonlyargs) else "positional_or_keyword"
        yield _parameter(arg, kind, default=index >= first_default)
    if args.vararg:
        yield _parameter(args.vararg, "var_positional")
    for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True):
        yield _parameter(arg, "keyword_only", default=default is not None)
    if args.kwarg:
        yield _parameter(args.kwarg, "var_keyword")


def _parameter(arg: ast.arg, kind: str, *, default: bool = False) -> _Json:
    annotation = ast.unparse(arg.annotation) if arg.annotation else None
    return {"name": arg.arg, "kind": kind, "default": default, "annotation": annotation}


def _category(node: ast.ClassDef, categories: Mapping[str, str]) -> str | None:
    """Return the value of ``category: ClassVar[PluginCategory] = PluginCategory.X``, where the class has it."""
    for item in node.body:
        if isinstance(item, ast.AnnAssign) and ast.unparse(item.target) == "category" and item.value:
            return categories[ast.unparse(item.value).removeprefix("PluginCategory.")]
    return None


def _enum_values(module: ast.Module, name: str) -> dict[str, str]:
    enum = next(node for node in module.body if isinstance(node, ast.ClassDef) and node.name == name)
    assignments = (item for item in enum.body if isinstance(item, ast.Assign))
    return {ast.unparse(item.targets[0]): ast.literal_eval(item.value) for item in assignments}


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=path.name)


def _target() -> Path:
    return policies_dir() / "contracts" / "sdk.json"


def main() -> None:
    """Rewrite the committed contract file."""
    _target().write_bytes(sdk_contracts())


if __name__ == "__main__":
    main()
