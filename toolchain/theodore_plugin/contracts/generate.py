"""Write ``policies/contracts/sdk.json`` from the source of ``theodore_sdk``.

The static checker compares plugins with this file, so it never imports the SDK it checks against, and a change
of the SDK shows in review as a change of the contract. Deterministic: the same source gives the same bytes.

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

_FunctionDef: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Json: TypeAlias = dict[str, Any]

SCHEMA_VERSION = 1


def sdk_contracts() -> bytes:
    """Return the contract file of the SDK installed beside this toolchain."""
    root = Path(theodore_sdk.__file__).parent
    categories = _enum_values(_parse(root / "info.py"), "PluginCategory")
    contracts: _Json = {}
    for path in (root / "plugin.py", *sorted((root / "ports").glob("*.py"))):
        contracts |= _module_contracts(path, root, set(contracts), categories)
    return render("theodore_sdk", contracts)


def render(source: str, contracts: Mapping[str, Any]) -> bytes:
    """Return a contract file's bytes: sorted keys, two spaces, one trailing newline."""
    document = {"schema": SCHEMA_VERSION, "source": source, "contracts": contracts}
    return (json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _module_contracts(path: Path, root: Path, known: set[str], categories: Mapping[str, str]) -> _Json:
    """Return the contracts of one module: classes deriving from ``ABC`` or from a contract."""
    module = ".".join(("theodore_sdk", *path.relative_to(root).with_suffix("").parts))
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
        "methods": {item.name: describe_method(item) for item in node.body if isinstance(item, _FunctionDef)},
    }


def describe_method(node: _FunctionDef) -> _Json:
    """Return one method as the contract file describes it; ``self`` is left out."""
    return {
        "kind": _kind(node),
        "abstract": any(ast.unparse(mark).endswith("abstractmethod") for mark in node.decorator_list),
        "parameters": list(_parameters(node.args))[1:],
        "returns": ast.unparse(node.returns) if node.returns else None,
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


def main() -> None:
    """Rewrite the committed contract file."""
    target = policies_dir() / "contracts" / "sdk.json"
    target.write_bytes(sdk_contracts())


if __name__ == "__main__":
    main()
