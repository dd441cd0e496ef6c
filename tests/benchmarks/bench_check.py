"""How long ``theodore-plugin check`` takes, against its tools run by hand and against the bare interpreter.

One plugin of about 500 lines with httpx and beautifulsoup4 locked and installed. All figures are taken in one run,
the ways interleaved, by the clock: cold (no cache at all), edited (one file changed since), unchanged; each scanner
alone in the same sandbox; bandit, mypy and pip-audit by hand one after another. Then 50 plugins: in one invocation,
and one invocation after another. Needs the package index once, to lock and install the two dependencies.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from theodore_plugin.packaging.lock import ensure_lock
from theodore_plugin.project import PluginProject
from theodore_plugin.scaffold import NewProject, create_project
from theodore_sdk import PluginCategory

ROUNDS = 3
UNCHANGED_ROUNDS = 15
WANTED = ["httpx>=0.27,<1", "beautifulsoup4>=4.12,<5"]
MANY = int(os.environ.get("MANY", "50"))
CHECK = [str(Path(sys.executable).with_name("theodore-plugin")), "check"]
ALONE = """
import sys, time
from pathlib import Path
from theodore_plugin.engine.steps import scanner_step
from theodore_plugin.project import PluginProject
from theodore_plugin.scanners import SCANNERS
from theodore_plugin.scanners.hermetic import clean_tree
from theodore_plugin.scanners.scanner import ScanContext
from theodore_plugin.settings import Options, Settings
name, path, advisories, environment = sys.argv[1:]
project = PluginProject.open(Path(path))
settings = Settings.load(project, Options(advisories=advisories, environment=Path(environment), no_cache=True))
(scanner,) = [found for found in SCANNERS if found.name == name]
with clean_tree(project) as tree:
    started = time.perf_counter()
    step = scanner_step(scanner, tree, ScanContext(project, settings, 120))
    assert step.run.status == "ok", step
    print(time.perf_counter() - started)
"""
HELPER = '''"""Helpers, part {part}."""

from __future__ import annotations

import httpx
from bs4 import BeautifulSoup


class Reader{part}:
    """Reads titles and links of pages."""

    def __init__(self, client: httpx.Client, limit: int = 10) -> None:
        """Keep the client."""
        self.client = client
        self.limit = limit
        self.seen: dict[str, int] = {{}}

    def soup(self, url: str) -> BeautifulSoup:
        """Return the parsed page."""
        response = self.client.get(url, timeout=10.0)
        response.raise_for_status()
        return BeautifulSoup(response.text, "html.parser")

    def links(self, url: str) -> list[str]:
        """Return where a page links to, each once."""
        found: list[str] = []
        for anchor in self.soup(url).find_all("a", href=True):
            target = str(anchor["href"])
            if target not in found and len(found) < self.limit:
                found.append(target)
        self.seen[url] = len(found)
        return found

    def titles(self, urls: list[str]) -> dict[str, str]:
        """Return the title of each page."""
        return {{url: str(self.soup(url).title) for url in urls}}

    def summary(self, urls: list[str]) -> str:
        """Return one line for each page."""
        lines = [f"{{url}}: {{title}}" for url, title in self.titles(urls).items()]
        return "\\n".join(sorted(lines))
'''


def plugin(folder: Path, name: str = "acme-reader", lock: bytes | None = None) -> Path:
    """Write the plugin; without a lock, it is locked."""
    project = create_project(NewProject(name, PluginCategory.SCRAPER, folder, host="www.example.org"))
    for path, httpx, soup in (
        (project / "pyproject.toml", '    "httpx>=0.27,<1",\n', '    "beautifulsoup4>=4.12,<5",\n'),
        (
            project / "src" / name.replace("-", "_") / "plugin.py",
            'PackageDependency("httpx", ">=0.27,<1"),\n',
            '                PackageDependency("beautifulsoup4", ">=4.12,<5"),\n',
        ),
    ):
        path.write_text(path.read_text().replace(httpx, httpx + soup))
    package = project / "src" / name.replace("-", "_")
    for part in range(8):
        (package / f"reader_{part}.py").write_text(HELPER.format(part=part))
    if lock is None:
        ensure_lock(PluginProject.open(project))
    else:
        (project / "pylock.toml").write_bytes(lock)
    return project


def environment(folder: Path, project: Path) -> Path:
    """Install what the lock names into an environment of its own."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    argv = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(site), *WANTED]
    subprocess.run(argv, check=True, cwd=project)
    return folder


def advisories(folder: Path) -> Path:
    """Write a snapshot of today, so that nothing depends on a service; it has an advisory of another package."""
    record = {
        "schema_version": "1.6.0",
        "id": "BENCH-1",
        "modified": datetime.now(UTC).isoformat(),
        "affected": [{"package": {"name": "nobody-uses-this", "ecosystem": "PyPI"}, "versions": ["1.0"]}],
    }
    path = folder / "advisories.jsonl"
    path.write_text(json.dumps(record) + "\n")
    return path


@contextlib.contextmanager
def home(scratch: Path) -> Iterator[dict[str, str]]:
    """Yield an environment whose caches are empty."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        yield variables(scratch) | {"THEODORE_PLUGIN_HOME": folder}


def variables(scratch: Path) -> dict[str, str]:
    """Return this environment as a user has it: bytecode is written, but not into the checkout."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"PYTHONPYCACHEPREFIX": str(scratch / "bytecode")}


def clock(argv: list[str], env: dict[str, str], cwd: Path | None = None) -> float:
    """Run a command and return its seconds."""
    started = time.perf_counter()
    done = subprocess.run(argv, env=env, cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode not in {0, 1}:
        raise SystemExit(f"{argv} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return time.perf_counter() - started


def by_hand(project: Path, site: Path, url: str, env: dict[str, str], scratch: Path) -> float:
    """Run the tools one after another as an author would, without configuration and without caches."""
    requirements = scratch / "requirements.txt"
    pins = [f"{p['name']}=={p['version']}" for p in json.loads(_frozen(site))]
    requirements.write_text("\n".join(pins))
    python = sys.executable
    types = f"--python-executable={site / 'bin' / 'python'}"
    mypy = [python, "-m", "mypy", "--cache-dir=/dev/null", types, "--ignore-missing-imports", "src"]
    audit = [python, "-m", "pip_audit", "--no-deps", "--disable-pip", "-r", str(requirements), "-s", "osv", "--osv-url"]
    return (
        clock([python, "-m", "bandit", "-q", "-r", "src"], env, project)
        + clock(mypy, env, project)
        + clock([*audit, url], env, project)
    )


def _frozen(site: Path) -> str:
    folder = next(site.glob("lib/python*/site-packages"))
    argv = [sys.executable, "-m", "pip", "list", "--path", str(folder), "--format=json"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def one(project: Path, site: Path, snapshot: Path, scratch: Path) -> dict[str, list[float]]:
    """Return the samples of every situation of one plugin."""
    from theodore_plugin.advisories.source import AdvisorySource

    argv = [*CHECK, str(project), "--advisories", str(snapshot), "--environment", str(site)]
    samples: dict[str, list[float]] = {}

    def add(name: str, seconds: float) -> None:
        samples.setdefault(name, []).append(seconds)

    with home(scratch) as env:
        clock(argv, env)  # bytecode is there from now on
    edited = project / "src" / "acme_reader" / "reader_0.py"
    for number in range(ROUNDS):
        with home(scratch) as env, AdvisorySource.parse(str(snapshot)).opened() as service:
            add("cold", clock(argv, env))
            edited.write_text(f"{HELPER.format(part=0)}\n\ndef extra_{number}() -> int:\n    return {number}\n")
            add("edited", clock(argv, env))
            url = next(text for text in service.arguments if text.startswith("http"))
            add("by hand", by_hand(project, site, url, env, scratch))
            for name in ("bandit", "mypy", "pip-audit", "secrets"):
                alone = [sys.executable, "-c", ALONE, name, str(project), str(snapshot), str(site)]
                done = subprocess.run(alone, env=env, capture_output=True, text=True, check=True)
                add(f"{name} alone", float(done.stdout))
    with home(scratch) as env:
        clock(argv, env)
        time.sleep(0.2)
        for _ in range(UNCHANGED_ROUNDS):
            add("unchanged", clock(argv, env))
            add("import click", clock([sys.executable, "-c", "import click"], env))
    return samples


def many(scratch: Path, lock: bytes, snapshot: Path) -> tuple[float, float, int]:
    """Return the seconds for many plugins, one invocation after another and in one, and the latter's peak in MiB."""
    folder = scratch / "many"
    folder.mkdir()
    projects = [str(plugin(folder, f"acme-reader-{number}", lock)) for number in range(MANY)]
    options = ["--advisories", str(snapshot), "--output-format=concise"]
    with home(scratch) as env:
        one_by_one = sum(clock([*CHECK, project, *options], env) for project in projects)
    with home(scratch) as env:
        script = (
            "import resource, subprocess, sys; code = subprocess.call(sys.argv[1:], stdout=subprocess.DEVNULL);"
            "print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)"
        )
        started = time.perf_counter()
        argv = [sys.executable, "-c", script, *CHECK, *projects, *options]
        done = subprocess.run(argv, env=env, capture_output=True, text=True, check=True)
        together = time.perf_counter() - started
    return one_by_one, together, int(done.stdout.split()[1])


def main() -> int:
    """Measure and print the tables."""
    scratch = Path(tempfile.mkdtemp(prefix="theodore-bench-"))
    try:
        project = plugin(scratch)
        site, snapshot = environment(scratch / "site", project), advisories(scratch)
        samples = one(project, site, snapshot, scratch)
        middle = {name: statistics.median(found) for name, found in samples.items()}
        slowest = max((name for name in middle if name.endswith("alone")), key=middle.__getitem__)
        for name, seconds in middle.items():
            print(f"{name:<16} {seconds * 1000:8.0f} ms")
        print(f"cold       {middle['cold'] / middle[slowest]:.2f} x {slowest} (aimed at 1.15)")
        print(f"cold       {middle['cold'] / middle['by hand']:.2f} x by hand (aimed at 0.6)")
        print(f"edited     {middle['edited'] / middle['cold']:.2f} x cold (aimed at 0.25)")
        over = middle["unchanged"] - 1.3 * middle["import click"]
        print(f"unchanged  1.3 x `import click` {over * 1000:+.0f} ms (aimed at +40)")
        apart, together, peak = many(scratch, (project / "pylock.toml").read_bytes(), snapshot)
        ratio = apart / together
        print(f"{MANY} plugins: {apart:.1f} s apart, {together:.1f} s together: {ratio:.2f} x (aimed at 1.7)")
        print(f"peak of the latter: {peak} MiB")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
