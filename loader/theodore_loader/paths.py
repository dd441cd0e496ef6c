"""Where this user's state lives: one folder, 0700, overridable by ``THEODORE_PLUGIN_HOME``."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import platformdirs

from theodore_loader.errors import ConfigurationProblem

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
    """Create ``path`` with mode 0700 (parents included) and return it.

    Raises ConfigurationProblem if it is there already and another user could change what is in it: workers execute
    files of the state folder before they are confined.
    """
    # mkdir(parents=True) would leave the parents to the umask
    for folder in reversed([parent for parent in path.parents if not parent.exists()]):
        folder.mkdir(mode=0o700, exist_ok=True)
    path.mkdir(mode=0o700, exist_ok=True)
    if hasattr(os, "geteuid"):  # elsewhere modes say nothing
        refuse_writable_by_others(path.stat(), path)
    return path


def refuse_unusable(home: Path) -> None:
    """Raise ConfigurationProblem unless ``home`` is a folder this user can write to, or can be made where it is not."""
    nearest = next(folder for folder in (home, *home.parents) if os.path.lexists(folder))
    remedy = f"give a folder of this user's own (PluginHost(home=...), or the variable {HOME_VARIABLE})"
    if not nearest.is_dir():
        raise ConfigurationProblem(f"{home} cannot be the state folder: {nearest} is no folder", help=remedy)
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise ConfigurationProblem(f"{home} cannot be the state folder: {nearest} cannot be written", help=remedy)


def refuse_writable_by_others(status: os.stat_result, path: Path | str) -> None:
    """Raise ConfigurationProblem unless only this user and root can change ``path``, whose ``status`` is given."""
    if status.st_uid not in (0, os.geteuid()):
        raise ConfigurationProblem(
            f"{path} belongs to another user (uid {status.st_uid}), who could change whom this host believes",
            help=f"chown {os.geteuid()} {path}",
        )
    # a sticky folder (/tmp) lets others add files, but not replace this one
    sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX
    if status.st_mode & 0o022 and not sticky:
        raise ConfigurationProblem(
            f"{path} can be written by other users (mode {stat.S_IMODE(status.st_mode):04o}), "
            "who could change whom this host believes",
            help=f"chmod go-w {path}",
        )
