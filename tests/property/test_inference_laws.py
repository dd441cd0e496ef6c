"""What inference answers depends on what code does, not on how it is written down.

Answers are compared without their locations: what is exercised, on what, how surely and when.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import subprocess
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from inference_programs import HARMLESS, WHOLE, Program, programs

from theodore_plugin.facts.from_ast import lower
from theodore_plugin.facts.model import ModuleFacts
from theodore_plugin.facts.names import Names
from theodore_plugin.inference.capabilities import CapabilityMap, shipped_map
from theodore_plugin.inference.infer import infer
from theodore_plugin.inference.model import Inference
from theodore_plugin.project import SourceFile

Answer = frozenset[tuple[str, ...]]
REAL = ("pluggy", "packaging", "platformdirs", "httpcore")
"""Packages of the environment, small enough to infer over many times."""


@cache
def _map() -> CapabilityMap:
    return shipped_map()


def answer(modules: Mapping[str, str]) -> Answer:
    """Infer over modules and forget where things stand."""
    inference = _infer(modules)
    found = {
        (item.permission.value, item.access, item.target or "", item.confidence.value, item.phase.value, item.symbol)
        for item in inference.permissions
    }
    return frozenset(found | {("unknown", item.reason) for item in inference.unknown})


def _infer(modules: Mapping[str, str]) -> Inference:
    packages = {name.rpartition(".")[0] for name in modules}
    names = Names({name: _facts(name, text, name in packages) for name, text in modules.items()})
    return infer(names, _map(), ())


def _facts(name: str, text: str, is_package: bool) -> ModuleFacts:
    path = name.replace(".", "/") + ("/__init__.py" if is_package else ".py")
    lowered = lower(SourceFile.of(path, name, text.encode()))
    assert isinstance(lowered, ModuleFacts), lowered
    return lowered


def alone(program: Program) -> Answer:
    return answer({"demo.one": program.text()})


def test_every_block_but_the_harmless_one_is_seen() -> None:
    assert answer({"demo.one": HARMLESS}) == frozenset()
    kinds = {item[0] for item in alone(WHOLE)}
    assert {"network", "filesystem", "subprocess", "environment", "native", "dynamic_code"} <= kinds


@given(programs)
def test_names_of_locals_do_not_matter(program: Program) -> None:
    assert alone(program.with_locals_renamed()) == alone(program)


@given(programs, st.randoms(use_true_random=False))
def test_the_order_of_definitions_does_not_matter(program: Program, random: Random) -> None:
    pieces = list(program.pieces)
    random.shuffle(pieces)
    assert alone(Program(tuple(pieces))) == alone(program)


@given(st.data(), programs)
def test_splitting_a_module_in_two_does_not_matter(data: st.DataObject, program: Program) -> None:
    first = data.draw(st.lists(st.booleans(), min_size=len(program.pieces), max_size=len(program.pieces)))
    assert answer(program.split(first)) == alone(program)


@given(programs, programs)
def test_more_code_never_takes_a_permission_away(program: Program, other: Program) -> None:
    more = {"demo.one": program.text(), "demo.more": other.text()}
    assert alone(program) <= answer(more)
    assert answer({"demo.more": other.text()}) <= answer(more)


@given(programs)
def test_harmless_code_adds_nothing(program: Program) -> None:
    assert alone(Program((*program.pieces, HARMLESS))) == alone(program)
    assert answer({"demo.one": program.text(), "demo.idle": "import json\n" + HARMLESS}) == alone(program)


@given(programs, st.booleans())
def test_a_branch_around_a_definition_does_not_matter(program: Program, is_else: bool) -> None:
    """What is bound on one side of a condition only is followed like what is always bound."""
    head, *rest = program.pieces
    body = "\n".join(f"    {line}" for line in head.split("\n"))
    branch = f"if sys.argv:\n    pass\nelse:\n{body}" if is_else else f"if sys.argv:\n{body}"
    assert alone(Program((branch, *rest))) >= alone(program)


def _sources(package: str) -> dict[str, str]:
    spec = importlib.util.find_spec(package)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    return {
        ".".join((package, *path.relative_to(folder).with_suffix("").parts)).removesuffix(".__init__"): path.read_text(
            encoding="utf-8"
        )
        for path in sorted(folder.rglob("*.py"))
    }


class _FunctionsReversed(ast.NodeTransformer):
    """Write runs of plain functions in reverse order; their definitions do not depend on each other."""

    def visit_Module(self, node: ast.Module) -> ast.Module:
        body: list[ast.stmt] = []
        run: list[ast.stmt] = []
        names: set[str] = set()
        for statement in node.body:
            is_plain = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)) and not statement.decorator_list
            if is_plain and statement.name not in names:  # type: ignore[attr-defined]
                names.add(statement.name)  # type: ignore[attr-defined]
                run.append(statement)
                continue
            body += [*reversed(run), statement]
            run.clear()
        node.body = [*body, *reversed(run)]
        return node


@pytest.mark.parametrize("package", [REAL[0], *(pytest.param(one, marks=pytest.mark.thorough) for one in REAL[1:])])
def test_the_laws_hold_for_real_packages(package: str) -> None:
    trees = {name: ast.parse(text) for name, text in _sources(package).items()}
    plain = answer({name: ast.unparse(tree) for name, tree in trees.items()})
    turned = answer({name: ast.unparse(_FunctionsReversed().visit(tree)) for name, tree in trees.items()})
    assert turned == plain
    assert answer(_sources(package) | {"harmless": "import json\n" + HARMLESS}) == answer(_sources(package)) == plain


def digest() -> str:
    """Return a digest of complete answers, locations and order included."""
    state = hashlib.sha256()
    for modules in ({"demo.one": WHOLE.text()}, _sources("packaging"), _sources("httpcore")):
        inference = _infer(modules)
        state.update(repr((inference.permissions, inference.unknown)).encode())
    return state.hexdigest()


@pytest.mark.parametrize("seed", ["1", pytest.param("4294967295", marks=pytest.mark.thorough)])
def test_hash_seeds_do_not_matter(seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = "import importlib.util as u, sys; s = u.spec_from_file_location('laws', sys.argv[1]); "
    command += "m = u.module_from_spec(s); s.loader.exec_module(m); print(m.digest())"
    run = subprocess.run(
        [sys.executable, "-c", command, __file__], env=environment, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == digest()
