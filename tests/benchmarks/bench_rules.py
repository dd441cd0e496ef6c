"""How often rules that need no plugin class report something in the distributions installed here.

They are real, published and in use, so what a rule of level *error* says about them had better be true. Each is viewed
as the wheel it was installed from; rules about a plugin's metadata and permissions have nothing to judge in them.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.project.wheel import project_of
from theodore_plugin.rules.catalogue import RULES

JUDGED = (
    "undeclared-import",
    "unused-dependency",
    "overstrict-bound",
    "direct-url-dependency",
    "entry-point-unresolvable",
    "foreign-entry-point",
    "startup-hook-in-wheel",
    "top-level-pollution",
    "unexpected-file",
    "undeclared-native-binary",
    "link-broken-or-insecure",
)
MOST_LINES = 5_000
"""Larger distributions take long to resolve and say no more about these rules."""


def main() -> int:
    """Print one row per rule and level; with ``-v`` every finding."""
    rules = [module for module in RULES if module.RULE.name in JUDGED]
    policy, found, seen = load_policy("default"), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    count = 0
    for project in projects():
        count += 1
        findings = analyse(project, policy, rules).findings
        found.update((item.rule, item.severity.value) for item in findings)
        seen.update({(item.rule, item.severity.value) for item in findings})
        for item in findings if "-v" in sys.argv else ():
            print(f"{project.label}: {item.severity.value} {item.rule} {item.location}: {item.message}")
    print(f"\n{count} distributions of at most {MOST_LINES} lines\n")
    print("| rule | level | distributions | findings |\n|---|---|---|---|")
    for (rule, level), number in sorted(found.items()):
        print(f"| {rule} | {level} | {seen[rule, level]} | {number} |")
    return 0


def projects() -> Iterator[PluginProject]:
    """View every installed distribution with Python code of moderate size as a wheel, in the order of their names."""
    for item in sorted(distributions(), key=lambda each: str(each.metadata["Name"]).lower()):
        wheel = as_wheel(item)
        sources = [data for name, data in wheel.entries.items() if name.endswith(".py")]
        if sources and sum(data.count(b"\n") for data in sources) <= MOST_LINES:
            yield project_of(wheel, Path(wheel.filename))


def as_wheel(item: Distribution) -> Wheel:
    """Put together what the distribution was installed from; scripts and bytecode were made here."""
    name, version = canonicalize_name(item.metadata["Name"]).replace("-", "_"), item.version
    dist_info = f"{name}-{version}.dist-info"
    entries: dict[str, bytes] = {}
    for path in item.files or ():
        place, file = path.as_posix(), Path(str(path.locate()))
        if place.startswith("..") or "__pycache__" in path.parts or not file.exists():
            continue
        inside = place.partition("/")[2]
        is_about = path.parts[0].endswith(".dist-info")
        entries[f"{dist_info}/{inside}" if is_about else place] = file.read_bytes()
    return Wheel(f"{name}-{version}-py3-none-any.whl", name, version, frozenset(), "", dist_info, entries, b"")


if __name__ == "__main__":
    sys.exit(main())
