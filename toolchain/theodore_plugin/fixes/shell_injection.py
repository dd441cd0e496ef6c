"""A command is a list of words, and no shell reads it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from theodore_plugin.finding import Finding
from theodore_plugin.fixes.context import FixContext
from theodore_plugin.fixes.model import Fix, NoFix
from theodore_plugin.fixes.syntax import edit, without
from theodore_plugin.rules.code.shell_injection import WITH_SHELL

RULE = "shell-injection"
SAFE = False
DOES = (
    "Pass the words of an f-string as a list, without `shell=True`, where the shell had nothing else to do than to "
    "split it at spaces. A value with spaces was several words, and is one from then on."
)
_PLAIN = re.compile(r"[A-Za-z0-9_./:=@%+,\- ]*")
"""What a shell takes as it is."""


def fix(finding: Finding, context: FixContext) -> Fix:
    """Split the f-string where its own text has spaces."""
    call, _ = context.call(finding, *WITH_SHELL)
    return Fix(
        RULE, SAFE, (edit(context.source(call.path), call.location, cst.Call, _as_list),), "pass a list of words"
    )


def _as_list(call: cst.Call) -> cst.Call:
    shell = [number for number, item in enumerate(call.args) if item.keyword and item.keyword.value == "shell"]
    command = call.args[0]
    told = len(shell) == 1 and _is_true(call.args[shell[0]].value)
    if not told or command.keyword is not None or not isinstance(command.value, cst.FormattedString):
        raise NoFix("the command is put together in another way")
    words = [cst.Element(_word(parts, command.value)) for parts in _words(command.value)]
    args = without(list(call.args), shell[0])
    args[0] = args[0].with_changes(value=cst.List(words))
    return call.with_changes(args=args)


def _is_true(value: cst.BaseExpression) -> bool:
    return isinstance(value, cst.Name) and value.value == "True"


def _words(text: cst.FormattedString) -> Iterator[list[cst.BaseFormattedStringContent]]:
    """Split an f-string at the spaces of its own text. Raises NoFix for anything a shell would do more with."""
    if text.prefix.lower() != "f":
        raise NoFix("the f-string is raw")
    word: list[cst.BaseFormattedStringContent] = []
    for part in text.parts:
        if not isinstance(part, cst.FormattedStringText):
            word.append(part)
            continue
        if not _PLAIN.fullmatch(part.value):
            raise NoFix("the shell does more than to split the command")
        first, *others = part.value.split(" ")
        word += [part.with_changes(value=first)] if first else []
        for other in others:
            if word:
                yield word
            word = [part.with_changes(value=other)] if other else []
    if word:
        yield word


def _word(parts: list[cst.BaseFormattedStringContent], like: cst.FormattedString) -> cst.BaseExpression:
    if all(isinstance(part, cst.FormattedStringText) for part in parts):
        text = "".join(part.value for part in parts if isinstance(part, cst.FormattedStringText))
        return cst.SimpleString(like.start[-1] + text + like.start[-1])
    return like.with_changes(parts=parts, start=f"f{like.start[-1]}", end=like.start[-1], lpar=[], rpar=[])
