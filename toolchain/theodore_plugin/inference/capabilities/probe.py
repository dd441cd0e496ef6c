"""Asked about names and arguments, answers from the real modules. A program of its own: it imports nothing of ours.

``python -I probe.py < questions.json > answers.json``, run with the Python whose modules are asked about. A question is
``{"name": "sqlite3.Connection().execute", "arguments": [[0, "sql"]]}``, where ``()`` stands for an object made by a
call; ``returns`` says what calling a function gives. An answer is ``[verdict, reason]``: *found*, *missing*, or
*unverified* where the real module does not say (compiled signatures, attributes made at run time).
"""

from __future__ import annotations

import importlib
import inspect
import json
import os
import sys
import types
import typing
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

FOUND, MISSING, UNVERIFIED = "found", "missing", "unverified"
MAX_DEPTH = 8
Parameters = Sequence[inspect.Parameter]


class AbsentError(Exception):
    """The name, or the argument, is not there."""


class UntoldError(Exception):
    """The real module does not say."""


def answer(question: Mapping[str, Any], returns: Mapping[str, str]) -> tuple[str, str]:
    """Return the verdict on one question, and the reason."""
    try:
        found = resolve(question["name"], returns, 0)
        for position, keyword in question.get("arguments", ()):
            check_argument(found, "()" in question["name"], position, keyword)
    except AbsentError as problem:
        return MISSING, str(problem)
    except UntoldError as problem:
        return UNVERIFIED, str(problem)
    return FOUND, ""


def resolve(path: str, returns: Mapping[str, str], depth: int) -> Any:
    """Return what a path stands for; for an object, its class."""
    if depth > MAX_DEPTH:
        raise UntoldError("returns lead round in a circle")
    found, rest = longest_module(path)
    walked = path.removesuffix(rest)
    while rest:
        if rest.startswith("()"):
            found, rest = made_by(found, walked, returns, depth), rest[2:]
            walked += "()"
        else:
            name, rest = next_name(rest)
            walked += f".{name}"
            found = member(found, name, walked)
    return found


def next_name(rest: str) -> tuple[str, str]:
    """Split ``.name`` off the front."""
    rest = rest[1:]
    ends = [at for at in (rest.find("."), rest.find("(")) if at >= 0]
    cut = min(ends) if ends else len(rest)
    return rest[:cut], rest[cut:]


def longest_module(path: str) -> tuple[Any, str]:
    """Import the longest prefix of a path that is a module; return it with the rest of the path."""
    parts = path.partition("(")[0].split(".")
    problem: ImportError | None = None
    for cut in range(len(parts), 0, -1):
        name = ".".join(parts[:cut])
        try:
            return importlib.import_module(name), path[len(name) :]
        except ImportError as error:
            problem = error
        except BaseException as error:  # a module may do anything while it is imported
            raise UntoldError(f"importing {name}: {type(error).__name__}: {error}") from None
    if not isinstance(problem, ModuleNotFoundError) or problem.name != parts[0]:
        raise UntoldError(f"importing {parts[0]}: {problem}")
    raise AbsentError(f"no module {parts[0]}: {problem}")


def member(owner: Any, name: str, walked: str) -> Any:
    """Return an attribute of a module or class, or say why it cannot be had."""
    try:
        return getattr(owner, name)
    except AttributeError:
        pass
    except BaseException as error:
        raise UntoldError(f"{walked}: {type(error).__name__}") from None
    if not inspect.isclass(owner):
        raise AbsentError(f"{walked} does not exist")
    for base in owner.__mro__:
        if name in vars(base).get("__annotations__", {}) or sets_in_init(base, name):
            raise UntoldError(f"{walked} is an attribute of the object")
        if inspect.isfunction(vars(base).get("__getattr__") or vars(base).get("__getattribute__")):
            raise UntoldError(f"{walked} may be made by {base.__name__}.__getattr__")
    raise AbsentError(f"{walked} does not exist")


def sets_in_init(owner: type, name: str) -> bool:
    """Tell whether a class's ``__init__`` mentions the attribute."""
    code = getattr(vars(owner).get("__init__"), "__code__", None)
    return code is not None and name in code.co_names


def made_by(maker: Any, path: str, returns: Mapping[str, str], depth: int) -> Any:
    """Return the class of what a call gives."""
    if path in returns:
        return resolve(returns[path].removesuffix("()"), returns, depth + 1)
    if inspect.isclass(maker):
        return maker
    if not callable(maker):
        raise UntoldError(f"{path} is no callable")
    try:
        promised = typing.get_type_hints(maker).get("return")
    except Exception:  # whatever evaluating annotations raises, they are no help
        promised = None
    if inspect.isclass(promised):
        return promised
    raise UntoldError(f"nothing says what {path} gives")


def check_argument(function: Any, bound: bool, position: int | None, keyword: str | None) -> None:
    """Raise AbsentError when a position or keyword is not in the real signature."""
    if not callable(function):
        if hasattr(function, "__getitem__"):
            return  # a mapping: the argument is the key
        raise UntoldError("not a callable")
    try:
        parameters: Parameters = list(inspect.signature(function).parameters.values())
    except (ValueError, TypeError):
        raise UntoldError("its signature cannot be read") from None
    if bound and takes_self(function, parameters):
        parameters = parameters[1:]
    positional = [item for item in parameters if item.kind in (item.POSITIONAL_ONLY, item.POSITIONAL_OR_KEYWORD)]
    if not any(item.kind is item.VAR_POSITIONAL for item in parameters):
        check_position(positional, position, keyword)
    if keyword is not None:
        check_keyword(parameters, keyword)


def check_position(positional: Parameters, position: int | None, keyword: str | None) -> None:
    """Check that there is such a position, and that it is the keyword's."""
    if position is None:
        return
    if position >= len(positional):
        raise AbsentError(f"takes {len(positional)} positional arguments, none at {position}")
    if keyword not in (None, positional[position].name):
        raise AbsentError(f"has {positional[position].name} at {position}, not {keyword}")


def check_keyword(parameters: Parameters, keyword: str) -> None:
    """Check that a keyword exists."""
    if any(item.name == keyword and item.kind is not item.POSITIONAL_ONLY for item in parameters):
        return
    if any(item.kind is item.VAR_KEYWORD for item in parameters):
        raise UntoldError(f"{keyword} would go into **keywords")
    raise AbsentError(f"has no parameter {keyword}: {', '.join(map(str, parameters))}")


def takes_self(function: Any, parameters: Parameters) -> bool:
    """Tell whether the first parameter is the object: a function, or a descriptor of C, found in a class."""
    if not parameters or isinstance(function, (types.MethodType, type)):
        return False
    return inspect.isfunction(function) or inspect.ismethoddescriptor(function) or parameters[0].name == "self"


def main() -> None:
    """Answer the questions on standard input."""
    warnings.simplefilter("ignore")
    asked = json.load(sys.stdin)
    out = os.dup(1)
    os.dup2(2, 1)  # what a library prints while it is imported is no answer
    answers = [answer(question, asked["returns"]) for question in asked["questions"]]
    with os.fdopen(out, "w", encoding="utf-8") as file:
        json.dump(answers, file)
    os._exit(0)  # nor does what it leaves running keep this program


if __name__ == "__main__":
    main()
