"""Lines a second of each way from source to facts, beside its parser alone; and how time grows with the lines.

Ratios hold on any machine. Nothing is asserted.
"""

from __future__ import annotations

import ast
import gc
import os
import statistics
import sysconfig
import tempfile
import time
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import libcst

from theodore_plugin.facts import from_ast, from_libcst
from theodore_plugin.facts.guard import Nesting
from theodore_plugin.facts.lowering import lower_all, lower_dependency
from theodore_plugin.facts.model import FactsFailure, ModuleFacts, walk
from theodore_plugin.facts.storage import decode, encode
from theodore_plugin.project import SourceFile

ROUNDS = 3
MODULES = 20
"""Of the standard library, large ones but for the ten largest: about 35,000 lines."""
DOUBLINGS = 5


def seconds(work: Callable[[], object]) -> float:
    """Processor time, so that other work on the machine counts less."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def each(work: Callable[[SourceFile], object], files: Iterable[SourceFile]) -> Callable[[], object]:
    def run() -> None:
        for file in files:
            work(file)

    return run


def quietly_parsed(file: SourceFile) -> object:
    gc.disable()
    try:
        return ast.parse(file.data)
    finally:
        gc.enable()


def concretely_parsed(file: SourceFile) -> object:
    gc.disable()
    try:
        return libcst.parse_module(file.data.decode())
    finally:
        gc.enable()


def facts_of(file: SourceFile) -> ModuleFacts:
    lowered = from_ast.lower(file)
    if isinstance(lowered, FactsFailure):
        raise TypeError(f"{file.path}: {lowered.reason}")
    return lowered


def sample() -> list[SourceFile]:
    folder = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(folder.glob("*.py"), key=lambda path: path.stat().st_size)[-MODULES - 10 : -10]
    return [SourceFile.of(path.name, path.stem, path.read_bytes()) for path in paths]


def throughput() -> None:
    files = sample()
    facts = [facts_of(file) for file in files]
    stored = [encode(module) for module in facts]
    lines = sum(module.lines for module in facts)
    ways: dict[str, Callable[[], object]] = {
        "ast.parse": each(quietly_parsed, files),
        "dependency: ast and lowering": each(from_ast.lower, files),
        "libcst.parse_module": each(concretely_parsed, files),
        "own code: guard, libcst, lowering": each(from_libcst.lower, files),
        "the guard alone": each(lambda file: Nesting(file.data.decode()), files),
        "encode": lambda: [encode(module) for module in facts],
        "decode": lambda: [decode(data) for data in stored],
        "walk": lambda: [sum(1 for _ in walk(module.body)) for module in facts],
    }
    samples: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(ROUNDS):  # interleaved, so that a slow moment of the machine hits every way alike
        for name, way in ways.items():
            samples[name].append(seconds(way))
    base = statistics.median(samples["ast.parse"])
    print(f"{lines} lines, {sum(map(len, stored)) / lines:.0f} stored bytes a line")
    print(f"{'way':36} {'lines/s':>10} {'x ast.parse':>12}")
    for name, values in samples.items():
        median = statistics.median(values)
        print(f"{name:36} {lines / median:10.0f} {median / base:12.2f}")


def whole_way() -> None:
    """With processes and cache, by the clock."""
    files = sample()
    lines = sum(file.data.count(b"\n") for file in files)
    for name, lower in (("own code", lower_all), ("dependency", lower_dependency)):
        for state in ("cold", "cached"):
            started = time.perf_counter()
            lower(files)
            print(f"{name + ', ' + state:36} {lines / (time.perf_counter() - started):10.0f} by the clock")


def growth() -> None:
    """Time for twice the lines, by the time for half of them; a hostile file, by an ordinary one of its length."""
    block = sample()[-1].data
    size = block.count(b"\n")
    print(f"{'lines':>10} {'ast':>8} {'libcst':>8}   seconds; in brackets by the line before")
    before: tuple[float, float] | None = None
    for doubling in range(DOUBLINGS):
        file = SourceFile.of("big.py", "big", block * 2**doubling)
        now = seconds(lambda file=file: from_ast.lower(file)), seconds(lambda file=file: from_libcst.lower(file))
        ratios = "" if before is None else f"   ({now[0] / before[0]:.2f}, {now[1] / before[1]:.2f})"
        print(f"{size * 2**doubling:10} {now[0]:8.2f} {now[1]:8.2f}{ratios}")
        before = now
    rebinding = SourceFile.of("hostile.py", "hostile", b"x = 1\n" + b"x = x if x else [x, x]\n" * 8_000)
    ordinary = SourceFile.of("ordinary.py", "ordinary", (block * (8_000 // size + 1)).rsplit(b"\n", 1)[0])
    for name, lower in (("ast", from_ast.lower), ("libcst", from_libcst.lower)):
        ratio = seconds(lambda lower=lower: lower(rebinding)) / seconds(lambda lower=lower: lower(ordinary))
        print(f"8,000 lines that rebind a name, by ordinary ones, {name}: {ratio:.2f}")


def main() -> None:
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as home:
        os.environ["THEODORE_PLUGIN_HOME"] = home
        throughput()
        whole_way()
        growth()


if __name__ == "__main__":
    main()
