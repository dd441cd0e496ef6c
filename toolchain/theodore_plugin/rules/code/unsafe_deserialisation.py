"""Loading data in a format that can carry code."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.facts import model as m
from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import ResolvedCall
from theodore_plugin.rules.context import RuleContext, report

LOADERS = (
    "pickle.load",
    "pickle.loads",
    "pickle.Unpickler",
    "marshal.load",
    "marshal.loads",
    "shelve.open",
    "dill.load",
    "dill.loads",
    "cloudpickle.load",
    "cloudpickle.loads",
    "joblib.load",
    "jsonpickle.decode",
    "jsonpickle.loads",
    "pandas.read_pickle",
    "torch.load",
    "yaml.unsafe_load",
    "yaml.unsafe_load_all",
    "yaml.full_load",
    "yaml.full_load_all",
)

RULE = Rule(
    name="unsafe-deserialisation",
    severity=Severity.ERROR,
    confidence=Confidence.HIGH,
    silencer=Silencer.POLICY,
    summary="pickle, marshal, shelve, an unsafe YAML loader or a relative reads data.",
    why="Such data can name any function and have it called while it is read.",
    remedy="Use json, msgspec or yaml.safe_load.",
    bad=(
        Example("import pickle\n\n\ndef read(data):\n    return pickle.loads(data)\n", "pickle"),
        Example(
            "import yaml\n\n\ndef read(text):\n    return yaml.load(text, Loader=yaml.Loader)\n", "the full loader"
        ),
    ),
    good=(
        Example("import json\n\n\ndef read(data):\n    return json.loads(data)\n", "json"),
        Example(
            "import yaml\n\n\ndef read(text):\n    return yaml.load(text, Loader=yaml.SafeLoader)\n", "the safe loader"
        ),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Look at calls of unsafe loaders, and of yaml.load without a safe one."""
    for call, name in context.inference.calls_of(*LOADERS):
        yield report(RULE, call.location, f"{name} can run code while it reads", subject=call.function)
    for call, name in context.inference.calls_of("yaml.load", "yaml.load_all"):
        if not _is_safe(call):
            yield report(RULE, call.location, f"{name} without a safe loader can run code while it reads")


def _is_safe(call: ResolvedCall) -> bool:
    """Whether the loader is called a safe one, or is a variable that holds nothing else as far as is seen."""
    index = call.argument_index(1, "Loader")
    if index is None:
        return False
    named = m.dotted(call.node.arguments[index].value) or ""
    held = call.origins[index] if call.origins else ()
    return _is_called_safe(named) or (bool(held) and all(map(_is_called_safe, held)))


def _is_called_safe(name: str) -> bool:
    return name.endswith(("SafeLoader", "BaseLoader"))
