"""Many files to facts: what is stored is read back, what is harmless is lowered here, the rest in workers.

Why not everything in workers: ``docs/decisions/0008-facts-in-workers.md``.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator

from theodore_plugin.facts import from_ast
from theodore_plugin.facts.cache import FactsCache, FrontEnd
from theodore_plugin.facts.decoding import decode
from theodore_plugin.facts.frames import Encoded
from theodore_plugin.facts.guard import Nesting
from theodore_plugin.facts.model import FactsFailure, ModuleFacts
from theodore_plugin.facts.pool import DEFAULT_BUDGET, Budget, lower_in_workers
from theodore_plugin.facts.storage import decode as decode_facts
from theodore_plugin.facts.storage import encode
from theodore_plugin.project import SourceFile

INLINE_BYTES = {FrontEnd.OWN: 256 * 1024, FrontEnd.DEPENDENCY: 1024 * 1024}
"""How much is lowered here before workers pay for their start: under a second's work either way."""
BYTES_PER_WORKER = 256 * 1024
"""A further worker for every so much."""

Lowered = ModuleFacts | FactsFailure
Result = tuple[dict[str, ModuleFacts], tuple[FactsFailure, ...]]


def lower_all(files: Iterable[SourceFile], *, budget: Budget = DEFAULT_BUDGET) -> Result:
    """Lower a plugin's own files, comments included. Returns facts by path, and the files there are none of."""
    return _lower(list(files), FrontEnd.OWN, budget)


def lower_dependency(files: Iterable[SourceFile], *, budget: Budget = DEFAULT_BUDGET) -> Result:
    """Lower a dependency's files: the same facts, many times faster and without comments, which do not count there."""
    return _lower(list(files), FrontEnd.DEPENDENCY, budget)


def _lower(files: list[SourceFile], front_end: FrontEnd, budget: Budget) -> Result:
    cache = FactsCache.of_user()
    results: dict[str, Lowered] = {}
    missing: list[SourceFile] = []
    for file in files:
        stored = cache.get(file, front_end) if cache else None
        if stored is None:
            missing.append(file)
        else:
            results[file.path] = stored
    for file, lowered, encoded in _compute(missing, front_end, budget):
        results[file.path] = lowered
        if cache and encoded is not None:
            cache.put(file, front_end, encoded)
    if cache and missing:
        cache.trim()
    return _in_order(files, results)


def _in_order(files: list[SourceFile], results: dict[str, Lowered]) -> Result:
    facts: dict[str, ModuleFacts] = {}
    failures: list[FactsFailure] = []
    for file in files:
        lowered = results[file.path]
        if isinstance(lowered, FactsFailure):
            failures.append(lowered)
        else:
            facts[file.path] = lowered
    return facts, tuple(failures)


def _compute(
    files: list[SourceFile], front_end: FrontEnd, budget: Budget
) -> Iterator[tuple[SourceFile, Lowered, bytes | None]]:
    """Lower files; yield each with its facts and their stored form, or with the reason why there are none."""
    inline = sum(len(file.data) for file in files) <= INLINE_BYTES[front_end]
    remaining: list[SourceFile] = []
    for file in files:
        lowered = _here(file, front_end) if inline else None
        if lowered is None:
            remaining.append(file)
        else:
            yield file, lowered, None if isinstance(lowered, FactsFailure) else encode(lowered)
    for file, answer in lower_in_workers(remaining, front_end, processes=_processes(remaining), budget=budget):
        yield file, _decoded(answer), None if isinstance(answer, FactsFailure) else answer


def _here(file: SourceFile, front_end: FrontEnd) -> Lowered | None:
    """Lower a file in this process, if nothing in it could end or stall it; else ``None``."""
    if front_end is FrontEnd.DEPENDENCY:
        lowered = from_ast.lower_known(file)
        if lowered is not None:
            return lowered
    text = decode(file)
    if isinstance(text, FactsFailure):
        return text
    nesting = Nesting(text)
    if nesting.excess is not None:
        return FactsFailure(file.path, *nesting.excess)
    if not nesting.harmless:
        return None
    from theodore_plugin.facts import from_libcst

    return from_libcst.lower_text(file, text, comments=front_end is FrontEnd.OWN)


def _decoded(answer: Encoded) -> Lowered:
    return answer if isinstance(answer, FactsFailure) else decode_facts(answer)


def _processes(files: list[SourceFile]) -> int:
    size = sum(len(file.data) for file in files)
    return max(1, min(len(os.sched_getaffinity(0)), size // BYTES_PER_WORKER))
