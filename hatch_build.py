"""The build hook: compile the audit hook's extension where there is a compiler, and never fail for lack of one.

A wheel with the extension is tagged for this Python and platform, one without is ``py3-none-any``. An editable install
gets the extension beside its source. ``THEODORE_PLUGIN_NO_EXTENSION=1`` asks for a pure one (docs/decisions/0019).
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

NATIVE = "loader/theodore_loader/sandbox/native"


class ExtensionHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled extension to what is built."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile, and tell hatchling what came of it."""
        if self.target_name != "wheel":
            return
        native = Path(self.root, NATIVE)
        build = _build_module(Path(self.root))
        self._folder = tempfile.TemporaryDirectory(prefix="theodore-extension-")  # goes when this object does
        try:
            built = build.build(native if version == "editable" else self._folder.name)
        except build.NotBuilt as reason:
            self.app.display_warning(f"The audit hook will be the Python one: its extension was not built: {reason}")
            return
        if version != "editable":
            place = f"{NATIVE.removeprefix('loader/')}/{built.name}"
            build_data["force_include"][str(built)] = place
            build_data["pure_python"] = False
            build_data["infer_tag"] = True


def _build_module(root: Path) -> Any:
    """Import the package's own build module from the source; it needs the standard library alone."""
    sys.path.insert(0, str(root / "loader"))
    try:
        from theodore_loader.sandbox.native import build
    finally:
        sys.path.remove(str(root / "loader"))
    return build
