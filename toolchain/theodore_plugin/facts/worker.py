"""The process that lowers files which could end it.

The pool starts it as ``python -I -S -B -c BOOT PATHS MEMORY_MIB``, with the import path of its parent, and speaks to it
through standard input and output (:mod:`theodore_plugin.facts.frames`). Its memory is limited by the system; how long
it may think about one file the parent decides, and kills it. It opens no file but the modules it imports.
"""

from __future__ import annotations

import sys
import warnings

from theodore_plugin.facts import from_ast, from_libcst
from theodore_plugin.facts.cache import FrontEnd
from theodore_plugin.facts.frames import Encoded, Request, answer_bytes, read_request
from theodore_plugin.facts.model import FactsFailure
from theodore_plugin.facts.storage import encode
from theodore_plugin.project import SourceFile


def main(memory_mib: int) -> None:
    """Answer requests until there are no more."""
    limit_memory(memory_mib)
    warnings.simplefilter("ignore")
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while (request := read_request(requests)) is not None:
        answers.write(answer_bytes(_answer(request, memory_mib)))
        answers.flush()


def limit_memory(mib: int) -> None:
    """Bound this process's memory, and leave no core file behind when it ends badly."""
    import resource

    limit = mib * 1024 * 1024
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def lower(file: SourceFile, front_end: FrontEnd) -> Encoded:
    """Lower a file and encode its facts."""
    facts = from_libcst.lower(file) if front_end is FrontEnd.OWN else from_ast.lower(file)
    return facts if isinstance(facts, FactsFailure) else encode(facts)


def _answer(request: Request, memory_mib: int) -> Encoded:
    try:
        return lower(request.file, request.front_end)
    except MemoryError:
        return FactsFailure(request.path, f"analysing it exceeded {memory_mib} MiB")
