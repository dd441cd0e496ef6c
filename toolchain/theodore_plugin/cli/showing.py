"""``theodore-plugin check --show-settings``: what a check would do, and who said so. Nothing is checked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from theodore_loader.errors import ConfigurationProblem
from theodore_plugin.cli.console import stdout
from theodore_plugin.project import PluginProject
from theodore_plugin.project.targets import find_targets
from theodore_plugin.report import settings as report
from theodore_plugin.settings import Options, Settings


def show_settings(paths: Sequence[Path], options: Options, output_format: str) -> None:
    """Print the settings of each project, as text (``full``) or JSON."""
    if output_format not in {"full", "json"}:
        raise ConfigurationProblem(
            f"settings are not shown as {output_format}", help="use --output-format full or json"
        )
    projects = [PluginProject.open(target) for target in find_targets(paths)]
    checked = [(project.label, Settings.load(project, options)) for project in projects]
    if output_format == "json":
        stdout.print(json.dumps({"schema": 1, "projects": report.to_json_list(checked)}, indent=2), soft_wrap=True)
        return
    for label, settings in checked:
        for line in report.text_lines(label, settings):
            stdout.print(line, soft_wrap=True)
