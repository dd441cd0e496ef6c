"""Running code made at run time."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.rules.context import RuleContext, report

EXECUTORS = (
    "builtins.eval",
    "builtins.exec",
    "builtins.compile",
    "code.interact",
    "code.InteractiveInterpreter",
    "code.InteractiveConsole",
    "cProfile.run",
    "pandas.eval",
    "pdb.run",
    "pdb.runeval",
    "runpy.run_module",
    "runpy.run_path",
    "timeit.timeit",
    "types.CodeType",
    "types.FunctionType",
)

RULE = Rule(
    name="dynamic-code-execution",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="eval, exec, compile or a relative of theirs is called with something that is not a literal.",
    why="Whoever controls the text controls the plugin, and no analysis sees what it does.",
    remedy="Use ast.literal_eval for values, a table of functions for choices.",
    bad=(
        Example("def run(text):\n    return eval(text)\n", "eval of a parameter"),
        Example(
            "import builtins as b\n\nrun = getattr(b, 'ex' + 'ec')\nrun(input())\n", "through an alias and getattr"
        ),
    ),
    good=(
        Example("import ast\n\n\ndef run(text):\n    return ast.literal_eval(text)\n", "values only"),
        Example("import re\n\n\ndef run(text):\n    return re.compile(text)\n", "another compile"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at every call that resolves to an executor."""
    for call, name in context.inference.calls_of(*EXECUTORS):
        source = call.node.arguments[0].value if call.node.arguments else None
        if not isinstance(source, m.Constant):
            shown = name.removeprefix("builtins.")
            yield report(RULE, call.location, f"{shown} runs code that is made at run time", subject=call.function)
