"""What is known about findings of wrapped tools, whose ids stand under a namespace: ``bandit/B602``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.scanners.overlap import OURS

_BANDIT = re.compile(r"B[1-7]\d\d")
_MYPY = re.compile(r"[a-z][a-z-]*")


@dataclass(frozen=True, slots=True)
class ForeignRule:
    """A wrapped tool's rule: what it is, and where its owner documents it."""

    name: str
    tool: str
    native: str
    summary: str
    url: str | None = None


def foreign_rule(name: str) -> ForeignRule | None:
    """Return what is known about ``tool/native``; ``None`` for names without a namespace."""
    tool, slash, native = name.partition("/")
    if not slash or not tool or not native:
        return None
    return _TOOLS.get(tool, _custom)(name, tool, native)


def foreign_page(name: str) -> str:
    """Return what there is to say about ``tool/native`` as text.

    Raises ConfigurationProblem for what is no such name.
    """
    known = foreign_rule(name)
    if known is None:
        raise ConfigurationProblem(f"{name!r} is no rule", help="`theodore-plugin explain` lists all rules")
    ours = "hardcoded-secret" if known.tool == "secrets" else OURS.get(name)
    lines = [f"# {known.name}", "", known.summary]
    if known.url:
        lines += ["", f"Documentation: {known.url}"]
    if known.tool not in _TOOLS:
        lines += ["", _origin(known.tool)]
    if ours:
        lines += ["", f"It is reported as `{ours}`: `theodore-plugin explain {ours}` says why and what to do."]
    else:
        lines += ["", *_silencing(name)]
    return "\n".join(lines) + "\n"


def _origin(tool: str) -> str:
    """Say who brought a scanner that is not built in, as far as this installation knows."""
    from theodore_plugin.scanners.plugins import brought_by

    distribution = brought_by(tool)
    if distribution:
        return f"The scanner {tool} comes with the installed distribution {distribution}."
    return f"The scanner {tool} is defined in a file (`check --scanner FILE`) or in a policy (`scanners: {tool}:`)."


def _silencing(name: str) -> tuple[str, str]:
    at_one_place = f'Silence it at one line: # theodore: ignore[{name}] reason="..."'
    return at_one_place, f"Set its level in a policy:  rules: {{ {name}: off }}"


def _bandit(name: str, tool: str, native: str) -> ForeignRule:
    url = "https://bandit.readthedocs.io/en/latest/plugins/index.html" if _BANDIT.fullmatch(native) else None
    summary = f"Test {native} of bandit, which looks for known insecure calls."
    return ForeignRule(name, tool, native, summary, url)


def _mypy(name: str, tool: str, native: str) -> ForeignRule:
    url = f"https://mypy.readthedocs.io/en/stable/_refs.html#code-{native}" if _MYPY.fullmatch(native) else None
    summary = f"Error code {native} of mypy, which checks that hooks accept and return what the SDK promises."
    return ForeignRule(name, tool, native, summary, url)


def _pip_audit(name: str, tool: str, native: str) -> ForeignRule:
    url = f"https://osv.dev/vulnerability/{quote(native, safe='')}"
    return ForeignRule(name, tool, native, f"Advisory {native}, found by pip-audit in the lock.", url)


def _secrets(name: str, tool: str, native: str) -> ForeignRule:
    return ForeignRule(
        name, tool, native, f"Something that looks like a secret ({native}), found in the project's text."
    )


def _custom(name: str, tool: str, native: str) -> ForeignRule:
    summary = f"Rule {native} of the scanner {tool}; whoever added that scanner documents it."
    return ForeignRule(name, tool, native, summary)


_TOOLS: Mapping[str, Callable[[str, str, str], ForeignRule]] = {
    "bandit": _bandit,
    "mypy": _mypy,
    "pip-audit": _pip_audit,
    "secrets": _secrets,
}
