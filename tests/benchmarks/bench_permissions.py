"""How long ``theodore-plugin permissions`` takes, against the bare interpreter in the same run.

Cold means: no cache at all. Summaries means: dependencies are summarised already, the plugin was edited. Unchanged
means: the same question again. The plugin drags in about 75,000 lines of installed dependencies, all of them followed.
"""

from __future__ import annotations

import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from theodore_plugin.distributions import Environment
from theodore_plugin.inference.capabilities import shipped_map
from theodore_plugin.survey.subject import Where, find
from theodore_plugin.survey.survey import survey

COLD_ROUNDS, WARM_ROUNDS = 2, 15
USES = {
    "pyparsing": "pyparsing.Word('ab').parse_string(text)",
    "coverage": "coverage.Coverage().start()",
    "license_expression": "license_expression.get_spdx_licensing().parse(text)",
    "bandit.core.config": "bandit.core.config.BanditConfig(text)",
    "cyclonedx.model.bom": "cyclonedx.model.bom.Bom()",
    "securesystemslib.hash": "securesystemslib.hash.digest_filename(text)",
    "pycparser": "pycparser.parse_file(text)",
    "questionary": "questionary.text(text).ask()",
    "tuf.ngclient": "tuf.ngclient.Updater(text, text, text, text)",
    "pathspec": "pathspec.PathSpec.from_lines('gitwildmatch', text)",
    "grimp": "grimp.build_graph(text)",
    "build": "build.ProjectBuilder(text).build('wheel', text)",
}
"""Distributions that the capability map does not describe, so that all of their code is followed."""
BARE = [sys.executable, "-I", "-S", "-c", "pass"]


def plugin(folder: Path) -> tuple[Path, int]:
    """Write a plugin of 500 lines that uses dependencies; return it and how many lines of theirs are followed."""
    imports = "".join(f"import {name}\n" for name in USES)
    uses = "".join(f"def with_{name.replace('.', '_')}(text):\n    return {use}\n\n\n" for name, use in USES.items())
    padding = "".join(f"def use_{n}(value):\n    return value + {n}\n\n\n" for n in range(110))
    (folder / "plugin.py").write_text(f"{imports}\n\n{uses}{padding}")
    environment = Environment.running()
    answer = survey(find(str(folder), Where(environment, download=False)), environment, shipped_map())
    followed = (environment.distribution(item.name) for item in answer.followed)
    return folder, sum(file.data.count(b"\n") for found in followed if found for file in found.files())


def run(argv: list[str], home: Path) -> tuple[float, float]:
    """Return the milliseconds of one process, by the clock and of processor time."""
    # as installed: with bytecode, kept away from the checkout
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    variables |= {"THEODORE_PLUGIN_HOME": str(home), "PYTHONPYCACHEPREFIX": str(home.parent / "bytecode")}
    started, used = time.perf_counter(), processor()
    done = subprocess.run(argv, capture_output=True, check=False, env=variables)
    if done.returncode not in {0, 4}:
        raise SystemExit(done.stderr.decode())
    return (time.perf_counter() - started) * 1000, (processor() - used) * 1000


def processor() -> float:
    """Return the processor time of all ended children, in seconds."""
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    return spent.ru_utime + spent.ru_stime


def measure(target: str, scratch: Path, edited: Path | None) -> dict[str, list[tuple[float, float]]]:
    """Return samples by situation; bare starts lie between the others, so that a slow moment hits all alike."""
    argv = [str(Path(sys.executable).with_name("theodore-plugin")), "permissions", target]
    home = scratch / "home"
    samples: dict[str, list[tuple[float, float]]] = {"bare": [], "cold": [], "summaries": [], "unchanged": []}
    home.mkdir(mode=0o700, exist_ok=True)
    run([*argv, "--help"], home)
    run(argv, home)  # bytecode is there from now on
    for _ in range(COLD_ROUNDS):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(mode=0o700)
        samples["cold"].append(run(argv, home))
        if edited is not None:
            edited.write_text(edited.read_text() + "X = 1\n")
            samples["summaries"].append(run(argv, home))
    time.sleep(0.2)  # younger files are not trusted to be unchanged
    run(argv, home)
    for _ in range(WARM_ROUNDS):
        samples["bare"].append(run(BARE, home))
        samples["unchanged"].append(run(argv, home))
    return samples


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        (scratch / "big").mkdir()
        folder, lines = plugin(scratch / "big")
        example = scratch / "webpage-scraper"
        shutil.copytree(Path(__file__).parents[2] / "docs" / "examples" / "webpage-scraper", example)
        targets = {
            f"plugin with {lines:,} lines of dependencies": (str(folder), folder / "plugin.py"),
            "example webpage-scraper": (str(example), example / "src" / "webpage_scraper" / "plugin.py"),
            "requests": ("requests", None),
        }
        print(f"{'target':48} {'situation':10} {'median ms':>10} {'min':>9} {'processor':>10} {'x bare':>7}")
        for label, (target, edited) in targets.items():
            samples = measure(target, scratch, edited)
            bare = statistics.median(wall for wall, _ in samples["bare"])
            for situation, values in samples.items():
                if values:
                    median = statistics.median(wall for wall, _ in values)
                    spent = statistics.median(spent for _, spent in values)
                    least = min(wall for wall, _ in values)
                    print(f"{label:48} {situation:10} {median:10.1f} {least:9.1f} {spent:10.1f} {median / bare:7.2f}")


if __name__ == "__main__":
    main()
