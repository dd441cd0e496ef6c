"""What ``sign`` and ``attest`` do before they sign: read the wheel, find out about its source, check it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from theodore_loader.artifact.wheel import Wheel
from theodore_loader.policy import Policy
from theodore_loader.trust.files import refuse_missing
from theodore_plugin.cli.progress import Progress
from theodore_plugin.engine import run
from theodore_plugin.project import PluginProject
from theodore_plugin.report.model import Report
from theodore_plugin.settings import Options, Settings
from theodore_plugin.signing.background import compared, noted
from theodore_plugin.signing.evidence import Background
from theodore_plugin.signing.instances import SigningInstance
from theodore_plugin.signing.sign import read_wheel


@dataclass(frozen=True, slots=True)
class Checked:
    """A wheel that was checked, and by whom it is to be signed."""

    wheel: Wheel
    report: Report
    policy: Policy
    instance: SigningInstance
    background: Background

    @property
    def judged(self) -> Background:
        """What another verifier can say of the source: what it compared itself."""
        source = self.background.source
        return replace(self.background, build=None, source=None if source and source.kind == "built" else source)


def checked(path: Path, asked: Options, source: str | None, instance: Callable[[], SigningInstance]) -> Checked:
    """Read and check the wheel at ``path``; ``source`` is held against it before anything else is looked at."""
    refuse_missing(path)
    wheel = read_wheel(path)
    signing = instance()
    background = noted(path, wheel, datetime.now(UTC))
    if source is not None:
        background = replace(compared(background, wheel, source), started=datetime.now(UTC))
    project = PluginProject.open(path)
    settings = Settings.load(project, asked).whole()
    with Progress() as progress:
        report = run(project, settings, watch=progress.watch)
    return Checked(wheel, report, settings.policy, signing, background)
