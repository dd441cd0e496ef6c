"""The metadata of a plugin that is measured: as tests make it up, under a name of its own."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "support"))

import plugin_infos

plugin_info = partial(plugin_infos.plugin_info, "bench")
