"""Run by test_faults.py in an environment whose tools are faulty: check a project with each scanner alone.

Usage: ``python fault_driver.py PROJECT SNAPSHOT DEFINITION SECONDS``. Prints one JSON object: by the scanner's name,
what the report says of it.
"""

import json
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from theodore_loader.policy import Policy
from theodore_loader.policy.model import Advisories
from theodore_plugin.advisories.source import AdvisorySource
from theodore_plugin.engine import run
from theodore_plugin.exit_codes import OF_VERDICT
from theodore_plugin.finding import Severity
from theodore_plugin.project import PluginProject
from theodore_plugin.report.formats import rendered
from theodore_plugin.scanners import scanners_for
from theodore_plugin.scanners.custom_definition import read_definition
from theodore_plugin.settings import Settings


def main(project, snapshot, definition, seconds):
    settings = Settings(
        policy=Policy("faults", advisories=Advisories(max_age_days=36500)),
        advisories=AdvisorySource.parse(snapshot),
        scan_seconds=float(seconds),
        scanners=(read_definition(Path(definition)),),
    )
    opened = PluginProject.open(Path(project))
    scanners = scanners_for(settings)
    with ThreadPoolExecutor(len(scanners)) as pool:  # most of these checks wait for something that never comes
        answers = pool.map(partial(checked, opened, settings), scanners)
        json.dump({scanner.name: answer for scanner, answer in zip(scanners, answers, strict=True)}, sys.stdout)


def checked(project, settings, scanner):
    report = run(project, settings, scanners=(scanner,))
    (seen,) = report.scanners
    (coverage,) = [coverage for coverage in report.coverage if coverage.analyser == scanner.name]
    lost = [finding for finding in report.findings if finding.severity is Severity.INCOMPLETE]
    return {
        "exit": OF_VERDICT[report.verdict],
        "status": seen.status,
        "states": sorted({entry.state.value for entry in coverage.entries}),
        "said": [[finding.message, finding.help] for finding in lost],
        "text": rendered("full", [report], width=100),
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
