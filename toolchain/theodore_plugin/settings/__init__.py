"""What a check is asked to do, and who asked.

One setting may be named by several people; the first of these decides:

1. a profile (``--profile``): a registry's own terms, which leave nothing to choose;
2. the organisation: ``[organisation]`` of this user's ``config.toml`` (:mod:`standing`);
3. the command line (:mod:`options`);
4. the project: ``[tool.theodore-plugin]`` of its ``pyproject.toml`` (:mod:`project_table`);
5. this user's own ``[defaults]``, and last what is built in.

The project under check may be a stranger's. Its table can choose only what the report shows and what cannot reach
outside: a policy (its digest is in every verdict), what is shown, and whether advisories are asked for at all (off is
incomplete where the policy requires them). It cannot name network endpoints or files outside of itself.
"""

from __future__ import annotations

from theodore_plugin.settings.model import SCAN_SECONDS, Settings
from theodore_plugin.settings.options import Options, Persona

__all__ = ["SCAN_SECONDS", "Options", "Persona", "Settings"]
