"""Installing one wheel: verify, show what is granted or what differs, ask where somebody has to agree, install.

The wheel is read once. What is asked about is what is installed: consent names the digest of these bytes, and whatever
another process has installed in the meantime is compared with again.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from theodore_loader.difference import Increase
from theodore_loader.errors import Refused
from theodore_loader.trust.files import SignedFiles, read_signed
from theodore_loader.trust.pins import Consent, Pins
from theodore_plugin.cli.console import stderr, stdout, visible
from theodore_plugin.cli.difference_answer import look
from theodore_plugin.difference.find import of_pin, of_verified
from theodore_plugin.difference.model import Difference, compare
from theodore_plugin.report.difference_text import difference_lines, granted_lines

if TYPE_CHECKING:
    from theodore_loader.host import PluginHost
    from theodore_loader.trust.verify import Verified

_PASSED_OVER = frozenset({"version-yanked"})
"""Refusals of a version that a name does not mean, if there is another one."""


@dataclass(frozen=True, slots=True)
class Installation:
    """What is to be installed where: ``wheels`` are the candidates, the best first."""

    host: PluginHost
    home: Path
    wheels: Sequence[Path]
    consent: Consent
    first_needs_consent: bool = False
    everything: bool = False

    def run(self) -> None:
        """Install the first candidate that is not yanked. Raises LoaderError; then nothing has changed."""
        files, verified = self._chosen()
        name, pins = verified.manifest.info.name, Pins(self.home)
        increases = pins.increases(name, verified.terms, first=self.first_needs_consent)
        old = of_pin(name, self.home)
        found = None if old is None else replace(compare(old, of_verified(verified)), increases=increases)
        self._show(verified, found)
        for warning in verified.warnings:
            stderr.print(visible(f"warning: {warning}"), style="bold yellow")
        consent = self._agreed(verified, increases)
        with _waiting(f"installing {verified.manifest.info.name}"):
            plugin = asyncio.run(self.host.install(files, consent))
        again = "installed already: " if found and found.same_bytes else "installed "
        stdout.print(visible(f"{again}{plugin.name} {plugin.version}"), style="bold green")
        stdout.print(visible(f"  sha256 {plugin.sha256}"))
        stdout.print(visible(f"next: theodore-plugin run {plugin.name} METHOD --json '{{…}}'"))

    def _chosen(self) -> tuple[SignedFiles, Verified]:
        *others, last = self.wheels
        for wheel in others:
            try:
                return self._judged(wheel)
            except Refused as refusal:
                if refusal.rule not in _PASSED_OVER:
                    raise
                stderr.print(visible(f"passed over {wheel.name}: {refusal.message}"), style="dim")
        return self._judged(last)

    def _judged(self, wheel: Path) -> tuple[SignedFiles, Verified]:
        files = read_signed(wheel)
        with _waiting(f"verifying {wheel.name}"):
            return files, asyncio.run(self.host.judge(files, self.consent))

    def _show(self, verified: Verified, found: Difference | None) -> None:
        shape = look(everything=self.everything)
        if found is None:
            granted = map(str, verified.grants.permissions)
            lines = granted_lines(of_verified(verified), granted, shape)
        elif found.same_bytes:
            return
        else:
            lines = difference_lines(found, shape)
        for line in lines:
            stdout.print(line)
        stdout.print()

    def _agreed(self, verified: Verified, increases: Sequence[Increase]) -> Consent:
        """Return what was agreed to on the command line, or now; the host refuses what nobody agreed to."""
        digest = verified.wheel.sha256
        if self.consent.digest is not None:
            return self.consent
        missing = [one for one in increases if not self.consent.covers(one, digest)]
        on_request = replace(self.consent, digest=digest)
        if not missing or not all(on_request.covers(one, digest) for one in missing) or not _somebody_is_there():
            return self.consent
        return on_request if click.confirm("install it on these terms?", err=True) else self.consent


def _somebody_is_there() -> bool:
    """Tell whether a person sees the difference and the question, and can answer it."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr))


@contextmanager
def _waiting(text: str) -> Iterator[None]:
    """Show a person at a terminal what takes the time."""
    if stderr.is_terminal:
        with stderr.status(visible(text)):
            yield
    else:
        yield
