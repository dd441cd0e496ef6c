"""Where this user's state lives: one folder, 0700, overridable by ``THEODORE_PLUGIN_HOME``."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

HOME_VARIABLE = "THEODORE_PLUGIN_HOME"


def home_dir() -> Path:
    """Return the state folder (not created): instances, trust file, store, access logs."""
    override = os.environ.get(HOME_VARIABLE)
    return Path(override).absolute() if override else Path(platformdirs.user_data_dir("theodore-plugin"))


def cache_dir() -> Path:
    """Return the cache folder (not created): everything in it can be deleted at any time."""
    override = os.environ.get(HOME_VARIABLE)
    return Path(override).absolute() / "cache" if override else Path(platformdirs.user_cache_dir("theodore-plugin"))


def private_dir(path: Path) -> Path:
    """Create ``path`` with mode 0700 (parents included) and return it."""
    # mkdir(parents=True) would leave the parents to the umask
    for folder in reversed([parent for parent in path.parents if not parent.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    return path
