"""``python -m theodore_plugin`` is the command line."""

from __future__ import annotations

import sys

from theodore_plugin.cli import main

sys.exit(main())
