"""Names for files: what other files import them by, or a name of their own that nothing can import."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from theodore_plugin.facts.model import ModuleFacts


def distinctly_named(facts: Mapping[str, ModuleFacts]) -> dict[str, ModuleFacts]:
    """Give every file a name of its own, so that none hides another or escapes resolution.

    Scripts no import can reach have no module name, and ``x.py`` beside ``x/__init__.py`` shares one.
    """
    taken: set[str] = set()
    named: dict[str, ModuleFacts] = {}
    for path, module in sorted(facts.items(), key=lambda item: (not item[1].is_package, item[0])):
        name = module.module
        if name is None or name in taken:
            name = "<" + path.replace(":", "_").replace(".", "_") + ">"
        taken.add(name)
        named[path] = msgspec.structs.replace(module, module=name)
    return dict(sorted(named.items()))
