"""Programs that are easy to get wrong: both front ends must make the same of each, whatever the interpreter accepts."""

# ruff: noqa: E501, RUF001 - programs are quoted as they are, one to a line, odd letters and all

from __future__ import annotations

from collections.abc import Callable

import pytest

from theodore_plugin.facts import from_libcst
from theodore_plugin.facts.model import ModuleFacts
from theodore_plugin.project import SourceFile

Compare = Callable[[str, bytes], str]

PROGRAMS = {
    "nothing": "",
    "only a comment": "# nothing",
    "no newline at the end": "x = 1",
    "blank lines at the end": "x = 1\n\n   \n\t\n",
    "blanks and no newline at the end": "x = 1\n    ",
    "form feeds": "x = 1\n\x0c\ndef f():\n\x0c    return 1\n\x0cy = 2\n",
    "byte order mark": "\ufeffx = 1\n",
    "carriage returns and newlines": "def f():\r\n    return '''a\r\nb'''\r\n\r\nx = f()\r\n",
    "lone carriage returns": "def f():\r    return '''a\rb'''\r\rx = f() # c\ry = 1\r",
    "mixed line ends": "a = 1\rb = 2\r\nc = 3\nd = (1,\r 2,\r\n 3)\r",
    "tabs": "def f():\n\tif a:\n\t\treturn\t1\n\tx\t=\t2\n",
    "tabs and blanks": "if a:\n        x\nelse:\n\ty\n",
    "line continuations": "x = 1 + \\\n    2\nfrom a \\\n import b\ndef \\\n  f \\\n  (a):\n    return \\\n a\n",
    "continued definitions": "async \\\n  def   f(): pass\nclass \\\n\\\n  C : pass\nasync  def g(): pass\n",
    "a continuation in a with": "with a as \\\n  b, \\\n  c: pass\n",
    "semicolons": "a = 1; b = 2;\nimport x; from y import z;\nif a: b; c;\n",
    "one-line compounds": "if a: b\nelif c: d\nelse: e\nfor x in y: pass\nelse: z\nwhile a: break\n"
    "try: a\nexcept E as e: b\nelse: c\nfinally: d\nclass C: x = 1; y = 2\ndef f(): return 1\nwith a: b\n",
    "parentheses": "x = ((a))\n((a).b)\n(a)(b)\n((a)(b)).c\n(a)[0]\n(yield_)\nx = (((1, 2)))\nx = ((1), (2))\n",
    "parenthesised targets": "(a) = 1\n(a.b) = 2\n(a, b) = c\n[a, (b, *c)] = d\n((a)), b = c\nfor (a) in b: pass\n",
    "parenthesised arguments": "f((a), b=(c), *(d), **(e))\nclass C((A), metaclass=(M)): pass\n",
    "decorators": "@a\n@b.c(d)\n@(e)\n@(f or g)\n@h[0]\n# why\ndef i(): pass\n@a\nclass C: pass\n@a\nasync def j(): pass\n",
    "generators as arguments": "f(a for a in b)\nf((a for a in b))\nf(x, (a for a in b))\nf( a for a in b )\nf(((a for a in b)))\n",
    "generators": "x = (a for a in b if c if d for e in f)\nx = ((a for a in b))\nx = [a for a, in b]\n",
    "comprehensions": "[a for (a) in (b) if (c)]\n{a: b for a, b in c}\n{*a, *b}\n{a for a in b}\n[x async for x in y]\n".replace(
        "[x async", "async def f():\n    [x async"
    ),
    "calls in an odd order": "f(a=1, *b, c=2, **d)\nf(*a, b, *c, **d, **e)\nclass C(*b, a=1): pass\nprint(*a, **k)\n",
    "parameters": "def f(a, /, b: int = 1, *args: str, c, d=2, **kwargs: float) -> None: pass\n"
    "def g(a, b=(1), /): pass\ndef h(*, a): pass\ndef i(a, /, *, b): pass\ndef j(a, b , ): pass\ndef k(* a, ** b): pass\n",
    "lambdas": "lambda: 0\nlambda a, /, b=1, *c, d=2, **e: (a, b)\nlambda *, a: a\nlambda *a: lambda **b: a if b else c\n",
    "conditional lambdas": "f = (lambda x: x) if a else (lambda y: y)\nf = lambda x: x if x else lambda: 0\n",
    "comparisons": "a < b <= c != d is not e not in f is g in h\n(a < b) < c\nnot a == b\n",
    "booleans": "a or b or c\na and b or c and d\n(a or b) or c\na or (b or c)\nnot a or not (b and c) and d\n(a or b or c)\n",
    "operators": "-a ** -b\n~a @ b // c % d << e >> f & g ^ h | i\n+1 - -1\na = not b\n(a + b) * c\n",
    "augmented": "a += 1\na.b -= 2\na[0] //= 3\n"
    + "".join(f"a {op}= 1\n" for op in ["*", "/", "%", "@", "&", "|", "^", "<<", ">>", "**"]),
    "assignments": "a = b = c, d = e\na: int\n(b): int = 1\na.b: int = 1\na[0]: 'x' = y\nx = *a, b\nx: t = 1, 2\n".replace(
        "(b): int = 1\n", ""
    ),
    "subscripts": "a[1]\na[1,]\na[1, 2]\na[(1, 2)]\na[:]\na[1:2:3]\na[::]\na[:, 1]\na[b:=1]\na[*b]\na[*b, c]\na[(b):(c)]\n",
    "stars": "a, *b = c\n[*a, *b]\nx = *a,\nfor a, *b in c: pass\nreturn_ = (*a, *b)\nfor x in *a, *b: pass\n",
    "walrus": "if (a := b): pass\nprint(a := 1)\n[y := 1, y]\nwhile (x := f()): pass\n{(a := 1)}\n",
    "delete": "del a\ndel a, b\ndel (a, b)\ndel (a), b\ndel [a, b]\ndel a.b, c[0]\ndel a,\n",
    "with": "with a, b as c: pass\nwith (a, b): pass\nwith (a as b, c): pass\nwith (a): pass\nwith (a) as b: pass\n"
    "with (a, b) as c: pass\nwith (a as b, c as d,): pass\nwith (yield_): pass\nwith a as (b, c): pass\nwith a as [b]: pass\n",
    "yields": "def f():\n    yield\n    yield a\n    yield a, b\n    x = yield from c\n    x = (yield)\n    return (yield), 1\n",
    "who yields": "def f():\n    def g(): yield\n    return g\ndef h():\n    return lambda: (yield)\ndef i():\n    class C:\n"
    "        x = 1\n    @(yield)\n    def j(a=(yield)): pass\n",
    "async": "async def f():\n    async for a in b:\n        await c\n    else: pass\n    async with a as b, c: pass\n"
    "    x = [await a for a in b]\n    return await (await x)\n",
    "exceptions": "try:\n    pass\nexcept:\n    pass\ntry:\n    a\nexcept (A, B) as e:\n    raise\nexcept (C):\n    raise X from None\n"
    "finally:\n    raise X(1), 2\n".replace("X(1), 2", "X(1)"),
    "exception groups": "try:\n    a\nexcept* A as e:\n    b\nexcept *(B, C):\n    c\n",
    "match": "match a:\n    case 1 | 'x' | -1 | 1+2j | None | True: pass\n    case [a, *rest] if rest: pass\n    case (a, b): pass\n"
    "    case a, b,: pass\n    case {'k': v, x.y: _, **rest}: pass\n    case C(a, b=c, d=D(e)): pass\n    case (1 | 2) as n: pass\n"
    "    case [*_]: pass\n    case (a): pass\n    case ((a, b)): pass\n    case {}: pass\n    case C(): pass\n    case str() as s: pass\n"
    "    case ([a]): pass\n    case a.b.c: pass\n    case (None): pass\n    case (1): pass\n    case *a, b: pass\n    case _: pass\n",
    "match as a name": "match = 1\nmatch[0] = case\nmatch(a)\nprint(match, case, type)\ntype = 2\n",
    "match on tuples": "match a, b:\n    case 1, 2: pass\nmatch (a):\n    case (x): pass\nmatch *a, b:\n    case _: pass\n",
    "imports": "import a.b.c, d as e, f.g as h\nfrom . import a\nfrom .. import b as c\nfrom .a.b import (c, d as e,)\nfrom ... a import *\n"
    "from .... import x\nimport a . b\n",
    "scopes": "def f():\n    global a, b\n    def g():\n        nonlocal_ = 1\n        global c\n",
    "assertions": "assert a\nassert a, b\nassert (a, b)\n",
    "numbers": "0x_ff\n0b1\n0o17\n1_000\n1.5e-3\n.5\n5.\n1j\n1.5J\n1e400\n00\n0777j\n123456789012345678901234567890\n0XFFF\n",
    "strings": "'a'\n\"a\"\n'''a\nb'''\nr'\\n'\nb'\\x00a'\nu'x'\nRB'\\d'\n'a' 'b'\n('a'\n 'b')\nb'a' b'b'\n'a' \\\n'b'\n",
    "escapes": r"""x = '\a\b\f\n\r\t\v\\\'\"\0\12\377\x41\u0041\U0001F600\N{DASH}\N{LATIN SMALL LETTER A}\q\
 y'
b'\0\12\777\x41\u0041\N{DASH}\q'
'\777'
'\ud800'
""".replace("\\N{DASH}\\N", "\\N")
    .replace("\\777\\x41", "\\377\\x41")
    .replace("'\\777'\n", ""),
    "raw strings": r"""r'\'' r"\""
rb'\x'
'\
'
""",
    "f-strings": "f''\nf'a'\nf'{a}'\nf'{a}{b}'\nf'a{b}c{d.e}f'\nf'{a!r}'\nf'{a:>10}'\nf'{a!s:>{w}.{p}}'\nf'{{{a}}}'\nf'{a:}'\n",
    "f-strings with expressions": "f'{a + b}'\nf'{ a }'\nf'{a,}'\nf'{a, b}'\nf'{(a, b)}'\nf'{ (a) , b }'\nf'{[1, 2][0]}'\nf'{f(x)}'\n"
    "f'{a if b else c}'\nf'{(lambda: 1)()}'\nf'{a != b}'\nf'{a == b}'\nf'{a <= b}'\nf'{*a, b}'\nf'{(yield_)}'\nf'{None}{True}{...}'\n",
    "f-strings with strings": "f'{\"a\"}'\nf\"{d['k']}\"\nf'{d[\"k\"]!r:{w}}'\nf'''{d[\"}\"]}'''\nf'{\":\"}{\"!\"}'\nf'{\"{\"}'\n",
    "f-strings that show": "f'{a=}'\nf'{ a = }'\nf'{a=!r}'\nf'{a=:>3}'\nf'{a.b=}x'\nf'{a + b = !s:x}'\n",
    "f-strings next to strings": "'a' f'b{c}' 'd'\nf'{a}' f'{b}'\n('a'  # why\n f'{b}'\n 'c')\nf'a' 'b'\n'a' rf'\\{b}' f'\\n'\n",
    "yields in f-strings": "def f():\n    f'{yield}'\n    f'{(yield)}{yield a}{yield_}'\n",
    "nested f-strings": "f'{f\"{a}\"}'\nf'{f\"{a!r}\" + \"b\"}'\nf'''{f\"{f'{a}'}\"}'''\n",
    "f-strings over lines": "f'''a\n{b}\n  {c.d(\n  e)} {f'{g}'}\n'''\nx = f'''{\n  a\n}'''\n(f'{a}'\n   f'{b}' f'{c:{d}}')\n",
    "raw f-strings": "rf'\\d{a}\\{b}'\nfr'{a}\\n'\nF'{a}'\nfR'\\N{a}'\n",
    "escapes in f-strings": "f'\\n{a}\\t{b}\\\\'\nf'\\N{DIGIT ONE}{a}'\nf'\\x41{a}'\nf'a\\\n{b}'\nf'\\'{a}\\''\n",
    "letters beyond ASCII": "größe = 'ü'; x = größe.ä(ö='é', *ñ)\nf'{größe}ü{x}'\ndef ß(ä: 'ö' = 'ü', *é): return ä\nclass Ü: pass\n",
    "letters in f-strings": "f'é{a}é{b.c}'\nx = 'é', f'é{ü + a!r:{w}}é', b\nf'''é\né{a}{d['é']}{x}'''\n",
    "identifiers that are normalised": "ﬁ = 1\nfi.ﬂ = ﬁ\ndef ｆ(ｘ: ｉnt, ｙ=1): global ｚ\nclass ℌ: pass\nimport ﬁ.ｘ as ｙ\nfrom ｘ import ﬀ\n"
    "f(ﬁ=1)\ntry: pass\nexcept E as ﬁ: pass\nµ = 1\n",
    "wide characters": "x = '😀'; y = f('𝔘', z)\n𝔘𝔫𝔦 = 1; b = 𝔘𝔫𝔦\n",
    "comments anywhere": "x = [  # one\n    1,  # two\n    # three\n    2]  # four\ndef f(  # a\n    a,  # b\n):  # c\n    # d\n    pass  # e\n",
    "odd spacing": "x=1 ;y = ( 2 )\nf ( a , b = c )\na . b . c\na [ 0 ]\nif(a):pass\nfor(a)in(b):pass\nnot(a)\nx = a if(b)else(c)\n",
    "dots": "...\nx = ...\na[...]\ndef f(): ...\n",
    "docstrings": 'def f():\n    """a\n    b"""\n\n"""module"""\nclass C:\n    "c"\n',
    "unusual whitespace in a definition": "def  f (a) : pass\nclass  C (A) : pass\nclass D(): pass\ndef\tg(): pass\n",
    "conditionals": "a if b else c if d else e\n(a if b else c) if d else e\nx = a if b else (c, d)\n",
    "dictionaries": "{}\n{'a': 1, **b, (c): (d)}\n{**a}\n{a: lambda: 1, }\n",
    "if chains": "if a:\n    x\nelif b:\n    y\nelif c:\n    z\nelse:\n    if d:\n        e\n",
    "return": "def f():\n    return\n    return a, b\n    return (a, b)\n    return *a, b\n    return (a)\n",
}
"""Every one is valid Python 3.11."""


@pytest.mark.parametrize("program", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_both_front_ends_make_the_same_of_it(program: str, compare: Compare) -> None:
    assert compare("example.py", program.encode("utf-8", "surrogatepass")) == "same"


LATIN = "# coding: latin-1\ngröße = 'ü'; x = größe, f'é{größe}ä{x}'\n"


def test_columns_count_characters_in_every_encoding(compare: Compare) -> None:
    assert compare("example.py", LATIN.encode("latin-1")) == "same"
    assert compare("example.py", LATIN.replace("latin-1", "utf-8").encode()) == "same"


NEWER = {
    "type parameters": "def f[T: int, *Ts, **P](a: T) -> T: pass\nclass C[T: (int, str)](A[T]): pass\ntype X[T] = list[T]\ntype Y = int\n",
    "type parameter defaults": "def f[T = int, *Ts = *tuple[int], **P = [int]](): pass\n",
    "quotes in f-strings": "f'{d['a']}' f\"{\"b\"}\"\nf'{f'{f'{a}'}'}'\n",
    "backslashes and comments in f-strings": "f'{\"\\n\".join(a)}'\nf'''{\na  # why\n}'''\n",
}
"""Beyond Python 3.11: where the interpreter knows it, both front ends agree; elsewhere there is only one."""


@pytest.mark.parametrize("program", NEWER.values(), ids=NEWER.keys())
def test_newer_syntax_is_the_same_or_left_to_the_other(program: str, compare: Compare) -> None:
    assert compare("example.py", program.encode()) in {"same", "left to libcst"}


LIBCST_REFUSES = {
    "an annotated name in parentheses": "(a): int = 1  # noqa\n",
    "a starred base behind a keyword": "class C(k=1, *a): pass  # noqa\n",
}


@pytest.mark.parametrize("program", LIBCST_REFUSES.values(), ids=LIBCST_REFUSES.keys())
def test_what_only_the_interpreter_accepts_is_left_to_it_comments_included(program: str, compare: Compare) -> None:
    assert compare("example.py", program.encode()) == "left to ast"
    lowered = from_libcst.lower(SourceFile.of("example.py", "example", program.encode()))
    assert isinstance(lowered, ModuleFacts)
    assert [blanket.text for blanket in lowered.blankets] == ["noqa"]
