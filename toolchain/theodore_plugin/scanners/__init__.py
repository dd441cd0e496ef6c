"""Third-party analysers, each run on a clean copy of the source inside our own sandbox."""

from __future__ import annotations

from collections import Counter

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.scanners.bandit import BanditScanner
from theodore_plugin.scanners.mypy import MypyScanner
from theodore_plugin.scanners.pip_audit import PipAuditScanner
from theodore_plugin.scanners.scanner import Scanner
from theodore_plugin.scanners.secrets import SecretsScanner
from theodore_plugin.settings import Settings

SCANNERS: tuple[Scanner, ...] = (BanditScanner(), MypyScanner(), PipAuditScanner(), SecretsScanner())
"""Those that are built in; order is the order of the report."""


def scanners_for(settings: Settings) -> tuple[Scanner, ...]:
    """Return the scanners of a check: built in, installed beside this program, defined by policy or command line.

    Raises ConfigurationProblem where two of them have one name.
    """
    from theodore_plugin.scanners.custom import CustomScanner
    from theodore_plugin.scanners.plugins import plugin_scanners

    defined = (CustomScanner(definition) for definition in settings.scanners)
    scanners = (*SCANNERS, *plugin_scanners(), *defined)
    twice = [name for name, count in Counter(scanner.name for scanner in scanners).items() if count > 1]
    if twice:
        raise ConfigurationProblem(
            f"more than one scanner is called {twice[0]}",
            help="rename the definition (--scanner FILE, or the policy's scanners), or uninstall the other one",
        )
    return scanners
