"""A plugin run from its source tree: real workers, real edits."""

from __future__ import annotations

import asyncio
import os
import queue
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.policy import load_policy
from theodore_loader.sandbox.tier import Tier, available
from theodore_loader.supervise.control import hosts
from theodore_plugin.cli import main
from theodore_plugin.dev import session
from theodore_plugin.dev.session import Told, Wanted
from theodore_plugin.dev.snapshot import snapshot
from theodore_plugin.dev.tree import Tree, edition_of
from theodore_plugin.project import PluginProject

EXAMPLE = Path(__file__).parents[3] / "docs/examples/webpage-scraper"
TIER = min(available().tier, Tier.STANDARD)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("THEODORE_PLUGIN_HOME", str(tmp_path / "home"))
    shutil.copytree(EXAMPLE, tmp_path / "tree", ignore=shutil.ignore_patterns("dist", "__pycache__"))
    return tmp_path / "tree"


def asked(tree: Path, **changes: Any) -> Tree:
    fields: dict[str, Any] = {
        "path": tree,
        "config": {},
        "policy": load_policy("development"),
        "minimum_tier": TIER,
        "environment": None,
        "home": tree.parent / "home/dev",
    }
    return Tree(**{**fields, **changes})


def source(tree: Path) -> Path:
    return tree / "src/webpage_scraper/plugin.py"


class Script:
    """Drives a session: each step is an edit to make when the session waits; what was told is kept in order."""

    def __init__(self, *edits: Any) -> None:
        self.told: list[str] = []
        self._edits = list(edits)
        self._changes: queue.Queue[frozenset[Path] | None] = queue.Queue()
        self._changes.put(frozenset())

    def changes(self) -> Iterator[frozenset[Path]]:
        while (paths := self._changes.get()) is not None:
            yield paths
        raise KeyboardInterrupt

    def listener(self) -> Told:
        return Told(
            ready=lambda receipt, _seconds: self.told.append(f"ready {receipt.version}"),
            changed=lambda paths: self.told.append(f"changed {len(paths)}"),
            kept=lambda problem: self.told.append(f"kept: {problem}"),
            answered=lambda outcome: self.told.append(f"answered {outcome.result}"),
            waiting=self._next,
            log=lambda record: self.told.append(f"log {record.text}"),
            event=lambda event: None,
        )

    def _next(self) -> None:
        if not self._edits:
            self._changes.put(None)
            return
        self._edits.pop(0)()
        self._changes.put(frozenset({Path("edited")}))

    async def run(self, wanted: Wanted) -> None:
        with pytest.raises(KeyboardInterrupt):
            await session.run(wanted, self.listener(), self.changes())


async def test_tree_is_started_called_and_leaves_nothing(tree):
    script = Script()
    told = script.listener()
    await session.run(Wanted(asked(tree), "health_check"), told)
    assert script.told[0] == "ready 1.0.0"
    assert script.told[-1].startswith("answered HealthStatus")
    home = tree.parent / "home/dev"
    assert list((home / "trees/tmp").iterdir()) == []
    assert not [path for path in (home / "tmp").rglob("*") if path.is_dir()]
    assert list(hosts(tree.parent / "home")) == []


async def test_edit_takes_over_and_what_does_not_start_leaves_the_old_one(tree):
    text = source(tree).read_text()

    def save(changed: str) -> Any:
        return lambda: source(tree).write_text(changed)

    script = Script(
        save(text.replace('"1.0.0"', '"1.1.0"')),
        save(text + "\nraise RuntimeError('half-written')\n"),
        save(text + "\nx = (\n"),
        save("nothing = 1\n"),
        save(text.replace('"1.0.0"', '"1.2.0"')),
    )
    await script.run(Wanted(asked(tree)))
    assert [line.partition(":")[0] for line in script.told if not line.startswith(("changed", "log"))] == [
        "ready 1.0.0",
        "ready 1.1.0",
        "kept",
        "kept",
        "kept",
        "ready 1.2.0",
    ]
    kept = [line for line in script.told if line.startswith("kept")]
    assert "half-written" in kept[0]
    assert "plugin.py" in kept[1]
    assert "no class here descends" in kept[2]


async def test_watching_begins_even_where_the_tree_cannot_be_started_yet(tree):
    text = source(tree).read_text()
    source(tree).write_text("broken (\n")
    script = Script(lambda: source(tree).write_text(text))
    await script.run(Wanted(asked(tree)))
    assert [line.split()[0] for line in script.told] == ["kept:", "changed", "ready"]


async def test_running_session_is_listed_as_unsigned(tree):
    seen: list[Any] = []
    script = Script(lambda: None)
    told = script.listener()

    async def run() -> None:
        with pytest.raises(KeyboardInterrupt):
            await session.run(Wanted(asked(tree)), told, script.changes())

    running = asyncio.create_task(run())
    while not running.done():
        seen += await asyncio.to_thread(lambda: list(hosts(tree.parent / "home")))
        await asyncio.sleep(0.01)
    marks = [plugin["marks"] for host in seen for plugin in host["plugins"]]
    assert ["unsigned"] in marks


@pytest.fixture
def authority(tmp_path: Path) -> Path:
    """An authority that nobody else believes."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of nobody")])
    now = datetime.now(UTC)
    unsigned = x509.CertificateBuilder(name, name, key.public_key(), 7, now - timedelta(1), now + timedelta(1))
    made = unsigned.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    path = tmp_path / "authority.pem"
    path.write_bytes(made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    return path


async def test_a_plugin_in_development_believes_the_authorities_it_is_given(tree, authority):
    told = (
        "subjects = [str(one['subject']) for one in ssl.create_default_context().get_ca_certs()]\n"
        "        return HealthStatus.healthy(str([one for one in subjects if 'nobody' in one]))"
    )
    text = source(tree).read_text()
    answer = 'return HealthStatus.unhealthy("client is closed") if self.client.is_closed else HealthStatus.healthy()'
    assert answer in text
    source(tree).write_text(text.replace(answer, told).replace("import httpx\n", "import ssl\n\nimport httpx\n"))
    believing, plain = Script(), Script()
    await session.run(Wanted(asked(tree, authorities=authority), "health_check"), believing.listener())
    await session.run(Wanted(asked(tree), "health_check"), plain.listener())
    assert "authority of nobody" in believing.told[-1]
    assert "authority of nobody" not in plain.told[-1]


def test_authorities_that_are_no_certificates_are_a_usage_error(tree, tmp_path, capsys):
    (tmp_path / "empty.pem").write_text("no certificate\n")
    arguments = ["--authorities", str(tmp_path / "empty.pem"), "--minimum-tier", TIER.name.lower()]
    assert main(["dev", "run", str(tree), "health_check", *arguments]) == 2
    assert "empty.pem: no certificates can be read" in capsys.readouterr().err


def test_tree_that_cannot_be_read_names_file_and_line(tree):
    source(tree).write_text(source(tree).read_text().replace('"1.0.0"', "str(1)"))
    with pytest.raises(ConfigurationProblem, match=r"src/webpage_scraper/plugin\.py:\d+"):
        edition_of(asked(tree))


def test_configuration_that_does_not_fit_is_refused_before_anything_starts(tree):
    with pytest.raises(ConfigurationProblem, match="retries"):
        edition_of(asked(tree, config={"retries": "many"}))


def test_grant_that_reaches_the_state_of_hosts_is_refused(tree):
    home = tree.parent / "home"
    home.mkdir(exist_ok=True)
    text = source(tree).read_text()
    text = text.replace("PermissionType.NETWORK", "PermissionType.FILE_SYSTEM")
    text = text.replace('pattern="localhost:*"', f'pattern="rw:{home}/**"')
    source(tree).write_text(text)
    with pytest.raises(Refused, match="keeps whom it believes"):
        edition_of(asked(tree))


def test_snapshot_is_of_one_moment_and_holds_what_would_be_shipped(tree):
    edition = edition_of(asked(tree))
    root = edition.plan.roots[0]
    before = (root / "webpage_scraper/plugin.py").read_bytes()
    source(tree).write_text("changed = True\n")
    assert (root / "webpage_scraper/plugin.py").read_bytes() == before
    assert {path.name for path in root.iterdir()} == {"webpage_scraper"}
    assert edition.marks == ("unsigned",)


def test_command_prints_the_result_and_says_that_nothing_is_signed(tree):
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "theodore_plugin",
            "dev",
            "run",
            str(tree),
            "health_check",
            "--minimum-tier",
            TIER.name.lower(),
        ],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert '"is_healthy": true' in done.stdout
    assert done.stderr.startswith("UNSIGNED webpage-scraper 1.0.0")


@pytest.mark.parametrize(
    ("arguments", "says"), [(["no_such_method"], "has no method"), (["scrape_content", "--json", "{}"], "do not fit")]
)
def test_wrong_call_is_a_usage_error(tree, capsys, arguments, says):
    assert main(["dev", "run", str(tree), "--minimum-tier", TIER.name.lower(), *arguments]) == 2
    assert says in capsys.readouterr().err


def test_wheel_is_sent_to_the_other_command(tree, tmp_path, capsys):
    (tmp_path / "x").mkdir()
    assert main(["dev", "run", str(tmp_path / "x")]) != 0
    assert "error" in capsys.readouterr().err


def test_environment_that_leads_out_of_the_tree_has_to_be_named(tree, tmp_path):
    packages = tmp_path / "elsewhere/lib/python3.11/site-packages"
    (packages / "some-1.0.dist-info").mkdir(parents=True)
    (packages / "some-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: some\nVersion: 1.0\n")
    (tree / ".venv").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(ConfigurationProblem, match="leads out of the project"):
        edition_of(asked(tree))
    assert packages in edition_of(asked(tree, environment=tmp_path / "elsewhere")).plan.roots


def test_links_out_of_the_tree_are_not_followed_into_the_copy(tree, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (tree / "src/webpage_scraper/data.txt").symlink_to(tmp_path / "secret.txt")
    root = edition_of(asked(tree)).plan.roots[0]
    assert not (root / "webpage_scraper/data.txt").exists()


def test_a_file_larger_than_a_plugin_is_refused_and_not_copied(tree):
    huge = source(tree).with_name("huge.bin")
    with huge.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(ConfigurationProblem, match=r"huge\.bin: .* larger than 512 MiB"):
        edition_of(asked(tree))
    assert not list((tree.parent / "home/dev/trees").iterdir())


def test_a_file_that_became_a_pipe_is_an_error_and_nobody_waits_for_it(tree):
    data = source(tree).with_name("data.bin")
    data.write_bytes(b"x")
    opened = PluginProject.open(tree)
    data.unlink()
    os.mkfifo(data)
    with pytest.raises(OSError, match="no ordinary file"):
        snapshot(opened, tree.parent)


def test_copies_of_a_session_that_was_killed_go_with_the_next(tree, capsys):
    left = tree.parent / "home/dev/trees/tmp/host-0123456789ab/tree-1"
    left.mkdir(parents=True, mode=0o700)
    for folder in (left.parents[2], left.parents[3], left.parents[4]):
        folder.chmod(0o700)
    assert main(["dev", "run", str(tree)]) == 0
    capsys.readouterr()
    assert not list((tree.parent / "home/dev/trees/tmp").iterdir())
