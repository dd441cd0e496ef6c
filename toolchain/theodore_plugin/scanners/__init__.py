"""Third-party analysers, each run on a clean copy of the source inside our own sandbox."""

from __future__ import annotations

from theodore_plugin.scanners.bandit import BanditScanner
from theodore_plugin.scanners.mypy import MypyScanner
from theodore_plugin.scanners.pip_audit import PipAuditScanner
from theodore_plugin.scanners.scanner import Scanner
from theodore_plugin.scanners.secrets import SecretsScanner

SCANNERS: tuple[Scanner, ...] = (BanditScanner(), MypyScanner(), PipAuditScanner(), SecretsScanner())
"""The explicit list; order is the order of the report."""
