"""A dependency can do something the plugin does not ask for."""

from __future__ import annotations

from collections.abc import Iterator

from theodore_plugin.finding import Confidence, Example, Finding, Rule, Severity, Silencer
from theodore_plugin.inference.model import InferredPermission, Phase
from theodore_plugin.rules.context import RuleContext, report
from theodore_plugin.rules.permissions.comparison import covered, describe, line_to_add, readable

RULE = Rule(
    name="dependency-capability",
    severity=Severity.WARNING,
    confidence=Confidence.MEDIUM,
    silencer=Silencer.POLICY,
    summary="The plugin reaches code of a dependency that can do what no PluginPermission declares.",
    why=(
        "A grant is for the whole process: what a dependency does, the plugin does. At run time the act would be "
        "denied, and the plugin may fail where nobody expects it. Seen only when the code of dependencies is "
        "followed (`check --environment`)."
    ),
    remedy="Declare the permission if the plugin needs what the dependency does; use another part of it otherwise.",
    bad=(
        Example(
            "# file: site-packages/acme_sync.py\nimport os\n\n\ndef sync(command):\n    os.system(command)\n"
            "# file: demo/example.py\nimport acme_sync\n\n\ndef run():\n    acme_sync.sync('now')\n",
            "a program, started by a dependency",
        ),
        Example(
            "# file: site-packages/acme_sync.py\nimport os\n\n\nclass Client:\n    def __init__(self):\n"
            "        self.key = os.environ['ACME_KEY']\n"
            "# file: demo/example.py\nfrom acme_sync import Client\n\n\ndef run():\n    return Client()\n",
            "a variable, read when an object is made",
        ),
    ),
    good=(
        Example(
            "# file: site-packages/acme_sync.py\nimport os\n\n\ndef sync(command):\n    os.system(command)\n\n\n"
            "def name():\n    return 'acme'\n"
            "# file: demo/example.py\nimport acme_sync\n\n\ndef run():\n    return acme_sync.name()\n",
            "another part of the same dependency",
        ),
        Example("import json\n\n\ndef parse(text):\n    return json.loads(text)\n", "needs no permission"),
    ),
)


def check(context: RuleContext) -> Iterator[Finding]:
    """Report every kind of act a followed dependency adds, once for each place that reaches it."""
    if not context.declaration_is_readable:
        return
    declared = readable(context.declared)
    seen: set[tuple[object, ...]] = set()
    for item in context.inference.permissions:
        key = (item.permission, item.access, item.through, item.location)
        if item.within and item.acts and key not in seen and not covered(declared, item):
            seen.add(key)
            remedy = f"if it is needed, add {line_to_add(item)}"
            yield report(RULE, item.location, _message(item), remedy, evidence=(*item.chain, *item.within))


def _message(item: InferredPermission) -> str:
    when = " while it is imported" if item.phase is Phase.IMPORT else ""
    return f"{describe(item)} happens inside {item.through}{when}"
