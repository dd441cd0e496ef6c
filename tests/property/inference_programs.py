"""Small programs to infer over: blocks that use something in many ways, in pieces that may lie in any order and module.

A block is two pieces of top-level code: what defines something, and what uses it. Names of locals start with
``v_``; names a piece offers to the other start with ``top_``. Every piece runs in every order as far as resolution
goes, because nothing at the top level uses another piece's names before functions run.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

HEADER = """\
import asyncio, contextlib, functools, json, operator, os, socket, subprocess, sys, urllib.request
import httpx
from pathlib import Path
"""
_TOP_NAME = re.compile(r"\b[tT]op_\w+")
_NUMBER = re.compile(r"N(?![A-Za-z_])")
_LOCAL = re.compile(r"\bv_(\w+)")

BLOCKS: tuple[tuple[str, str], ...] = (
    ("def top_runN(v_c):\n    os.system(v_c)", "def top_useN():\n    top_runN('idN')"),
    ("top_aliasN = subprocess", "def top_useN():\n    v_run = top_aliasN.run\n    return v_run(['toolN'])"),
    (
        "def top_makeN(v_f):\n    def v_inner(v_x):\n        return v_f(v_x)\n    return v_inner",
        "def top_useN():\n    v_g = top_makeN(os.remove)\n    v_g('/tmp/fileN')",
    ),
    (
        "class Top_KeepN:\n    def __init__(self):\n        self.held = os\n"
        "    def go(self):\n        self.held.kill(1, 9)",
        "def top_useN():\n    v_k = Top_KeepN()\n    v_k.go()",
    ),
    (
        "class Top_BaseN:\n    def read(self, v_p):\n        return open(v_p).read()\n"
        "class Top_DerivedN(Top_BaseN):\n    def again(self):\n        return self.read('/etc/fileN')",
        "def top_useN(v_d=None):\n    v_d = Top_DerivedN()\n    return v_d.again()",
    ),
    (
        "top_tableN = {'a': os.rename, 'b': print}",
        "def top_useN(v_k):\n    top_tableN['a']('/a', '/b')\n    top_tableN[v_k]('/c', '/d')",
    ),
    (
        "def top_decoN(v_f):\n    @functools.wraps(v_f)\n    def v_wrapped(*v_a):\n        os.system('decoN')\n"
        "        return v_f(*v_a)\n    return v_wrapped",
        "@top_decoN\ndef top_useN():\n    return os.environ['NAME_N']",
    ),
    (
        "def top_itemsN():\n    yield os.unlink\n    yield print",
        "def top_useN():\n    for v_f in top_itemsN():\n        v_f('/tmp/yN')",
    ),
    (
        "top_partialN = functools.partial(subprocess.check_output, ['partN'])",
        "def top_useN():\n    return [v_x for v_x in (top_partialN(),)]",
    ),
    (
        "def top_pickN(v_m, v_n):\n    return getattr(v_m, v_n)",
        "def top_useN(v_name):\n    top_pickN(os, 'system')('id')\n    top_pickN(sys, v_name)",
    ),
    (
        "top_hostN = 'hostN.example'",
        "def top_useN(v_q):\n    return urllib.request.urlopen(f'https://{top_hostN}/x?q={v_q}')",
    ),
    (
        "top_folderN = Path('/srv/N')",
        "def top_useN(v_n):\n    (top_folderN / 'out.txt').write_text(v_n)",
    ),
    (
        "def top_callN(v_run, *v_a, **v_k):\n    return v_run(*v_a, **v_k)",
        "def top_useN():\n    top_callN(socket.create_connection, ('connN.example', 443))",
    ),
    (
        "@contextlib.contextmanager\ndef top_openN():\n    v_s = socket.socket()\n    yield v_s",
        "def top_useN():\n    with top_openN() as v_s:\n        v_s.connect(('withN.example', 80))",
    ),
    (
        "class Top_ClientN:\n    def __init__(self):\n        self.client = httpx.AsyncClient()\n"
        "    async def get(self, v_u):\n        return await self.client.get(v_u)",
        "async def top_useN():\n    v_c = Top_ClientN()\n    return await v_c.get('https://apiN.example/v1')",
    ),
    (
        "def top_lazyN():\n    import ctypes as v_c\n    return v_c",
        "def top_useN():\n    return top_lazyN().CDLL('libN.so')",
    ),
    (
        "try:\n    import nothing_there as top_maybeN\nexcept ImportError:\n    top_maybeN = None",
        "def top_useN(v_x):\n    if top_maybeN is not None:\n        return eval(v_x)",
    ),
    ("def top_plainN(v_x):\n    return json.dumps(v_x)", "def top_useN(v_y):\n    return top_plainN([v_y])"),
    (
        "class Top_OperatorN:\n    def __add__(self, v_o):\n        return v_o.system('plusN')",
        "def top_useN():\n    return Top_OperatorN() + os",
    ),
    (
        "top_getN = operator.attrgetter('system')",
        "def top_useN():\n    return top_getN(os)('gotN')",
    ),
)
HARMLESS = "def top_harmless(v_x):\n    return json.loads(v_x)\nclass Top_Harmless:\n    size = 1\n"


@dataclass(frozen=True, slots=True)
class Program:
    """Pieces of top-level code, in order."""

    pieces: tuple[str, ...]

    def text(self) -> str:
        """One module with everything."""
        return HEADER + "\n".join(self.pieces) + "\n"

    def with_locals_renamed(self) -> Program:
        """Give every local another name."""
        return Program(tuple(_LOCAL.sub(r"other_\1_name", piece) for piece in self.pieces))

    def split(self, first: Sequence[bool]) -> Mapping[str, str]:
        """Two modules that import each other's names; ``first`` says which pieces lie in the first."""
        sides = {
            name: [piece for piece, is_first in zip(self.pieces, first, strict=True) if is_first is wanted]
            for name, wanted in (("demo.one", True), ("demo.two", False))
        }
        other = {"demo.one": "demo.two", "demo.two": "demo.one"}
        return {name: _module(pieces, other[name], sides[other[name]]) for name, pieces in sides.items()}


def _module(pieces: Sequence[str], other: str, others: Sequence[str]) -> str:
    offered = set(_TOP_NAME.findall("\n".join(others)))
    wanted = sorted(set(_TOP_NAME.findall("\n".join(pieces))) & offered)
    imports = f"from {other} import {', '.join(wanted)}\n" if wanted else ""
    return HEADER + imports + "\n".join(pieces) + "\n"


def _program(chosen: Sequence[int]) -> Program:
    """Instantiate blocks; the ``N`` that ends a name becomes the block's number in the program."""
    return Program(
        tuple(_NUMBER.sub(str(number), piece) for number, block in enumerate(chosen) for piece in BLOCKS[block])
    )


programs = st.lists(st.integers(0, len(BLOCKS) - 1), min_size=1, max_size=8).map(_program)
WHOLE = _program(range(len(BLOCKS)))
"""One program with every block."""
