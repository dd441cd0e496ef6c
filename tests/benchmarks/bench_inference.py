"""How fast inference is: resolution beside the parse it follows, growth, and hostile source.

Own code goes through libcst, a dependency through ``ast``; every ratio is of figures taken in the same run.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Sequence

import libcst

from theodore_plugin.distributions import Environment
from theodore_plugin.facts import from_ast, from_libcst
from theodore_plugin.facts.model import ModuleFacts
from theodore_plugin.facts.names import Names
from theodore_plugin.facts.naming import distinctly_named
from theodore_plugin.inference.capabilities import shipped_map
from theodore_plugin.inference.infer import infer
from theodore_plugin.inference.knowledge import Knowledge
from theodore_plugin.inference.summaries.summarise import summarise
from theodore_plugin.project import SourceFile

PACKAGES = ("requests", "click", "build", "pathspec")
ROUNDS = 3
REBINDING = 8_000


def main() -> None:
    """Print every figure."""
    print(f"Python {sys.version.split()[0]}; lines per second of process time, best of {ROUNDS}")
    for name in PACKAGES:
        own_code(name)
    growth()
    hostile()


def own_code(name: str) -> None:
    """Time a package as if it were a plugin's own code, and as a dependency."""
    found = Environment.running().distribution(name)
    if found is None:
        return
    files = [file for file in found.files() if file.module]
    lines = sum(file.data.count(b"\n") for file in files)
    texts = [file.data.decode() for file in files]
    parse = seconds(lambda: [libcst.parse_module(text) for text in texts])
    lowering = seconds(lambda: lowered(files, from_libcst.lower))
    names = names_of(lowered(files, from_libcst.lower))
    resolution = seconds(lambda: infer(names, shipped_map(), []))
    dependency = seconds(lambda: lowered(files, from_ast.lower))
    known = Knowledge(shipped_map())
    summary = seconds(lambda: summarise(found, names_of(lowered(files, from_ast.lower)), (), (), known))
    print(
        f"{name:10} {lines:7,} lines: libcst parse {lines / parse:8,.0f}  lowering with it {lines / lowering:8,.0f}  "
        f"resolution {lines / resolution:8,.0f}  own code {lines / (lowering + resolution):8,.0f} "
        f"({(lowering + resolution) / parse:.2f} x the parse)  "
        f"ast lowering {lines / dependency:9,.0f}  whole summary {lines / summary:8,.0f}"
    )


def growth() -> None:
    """Print how time grows when the same functions stand there twice as often."""
    previous = 0.0
    for functions in (2_000, 4_000, 8_000, 16_000):
        code = "import os\n" + "".join(
            f"def f{n}(a):\n    b = os.path.join(a, 'x{n}')\n    return f{max(n - 1, 0)}(b)\n\n\n"
            for n in range(functions)
        )
        names = names_of(lowered([SourceFile.of("m.py", "m", code.encode())], from_ast.lower))
        took = seconds(lambda names=names: infer(names, shipped_map(), []), rounds=1)
        ratio = f"  {took / previous:.2f} x half of it" if previous else ""
        print(f"growth     {functions * 5:7,} lines: {functions * 5 / took:8,.0f} lines/s{ratio}")
        previous = took


def hostile() -> None:
    """Print what a file costs that binds one name over and over, beside an ordinary one of the same length."""
    rebinding = "x = 0\n" + "".join(f"x = [x, lambda y: y, {n}]\n" for n in range(REBINDING))
    ordinary = "x = 0\n" + "".join(f"x{n} = [x, lambda y: y, {n}]\n" for n in range(REBINDING))
    took = []
    for code in (ordinary, rebinding):
        names = names_of(lowered([SourceFile.of("m.py", "m", code.encode())], from_libcst.lower))
        took.append(seconds(lambda names=names: infer(names, shipped_map(), []), rounds=1))
    print(f"hostile    {REBINDING:7,} rebindings: {took[1] / took[0]:.2f} x as many plain bindings")


def lowered(files: Sequence[SourceFile], lower: Callable[[SourceFile], object]) -> dict[str, ModuleFacts]:
    """Lower files in this process."""
    found = ((file.path, lower(file)) for file in files)
    return {path: facts for path, facts in found if isinstance(facts, ModuleFacts)}


def names_of(facts: dict[str, ModuleFacts]) -> Names:
    """Return the names over lowered files."""
    return Names({str(module.module): module for module in distinctly_named(facts).values()})


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Return the least process time of some rounds; the collector stays out of it, as it does in a check."""
    best = float("inf")
    for _ in range(rounds):
        gc.collect()
        gc.disable()
        started = time.process_time()
        work()
        best = min(best, time.process_time() - started)
        gc.enable()
    return best


if __name__ == "__main__":
    main()
