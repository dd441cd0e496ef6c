"""What trust costs: signing, the first verification, a load by receipt, a host's start with many plugins, the record.

Really signed wheels with four statements each, a state folder on disk, one process unless said otherwise. A load by
receipt is held against reading and hashing the same files by hand, and against verifying the same wheel in full.
Everything is said by the clock (median) and in processor time (median); imports are apart, as a host has them once.
``MANY`` says how many plugins the host's start is measured with.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANY = int(os.environ.get("MANY", "1000"))
ROUNDS, SIGNED = 200, 20
SOURCE = b"VALUE = 1\n" * 2_000
START = """
import asyncio, sys, time
began = time.perf_counter()
from theodore_loader.host import PluginHost
host = PluginHost()
imported = time.perf_counter()
used = time.process_time()
judged = asyncio.run(host.verify_installed())
done = time.perf_counter()
heavy = sorted({name.partition(".")[0] for name in sys.modules} & {"sigstore", "cryptography"})
print(imported - began, done - imported, time.process_time() - used, len(judged),
      sum(one.prepared is None for one in judged), ",".join(heavy) or "-")
"""


@dataclass(frozen=True)
class Sample:
    """Milliseconds, medians: by the clock, and of processor time."""

    clock: float
    processor: float

    def __str__(self) -> str:
        return f"{self.clock:8.2f} ms by the clock {self.processor:8.2f} ms of processor time"


def measured(work: Callable[[int], object], rounds: int) -> Sample:
    """Time ``work`` round by round, after one that does not count."""
    work(0)
    clock, processor = [], []
    for number in range(rounds):
        began, used = time.perf_counter(), time.process_time()
        work(number)
        processor.append(time.process_time() - used)
        clock.append(time.perf_counter() - began)
    return Sample(statistics.median(clock) * 1000, statistics.median(processor) * 1000)


def workshop(scratch: Path) -> Any:
    """Return the tests' workshop of signed wheels, with the state folder it signs for."""
    home = scratch / "home"
    home.mkdir(mode=0o700)
    os.environ["THEODORE_PLUGIN_HOME"] = str(home)
    place = Path(__file__).parents[1] / "trust" / "conftest.py"
    spec = importlib.util.spec_from_file_location("trust_workshop", place)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    policy = module.load_policy("default")
    module.enrol_local(policy)
    return module.Workshop(home, policy)


def by_hand(home: Path, sha256: str) -> int:
    """Read and hash what a load has to: the stored wheel, its unpacked files, its signatures."""
    total = 0
    for folder in (home / "store" / sha256, home / "signatures" / sha256):
        for place, _, names in os.walk(folder):
            for name in names:
                with open(f"{place}/{name}", "rb") as file:
                    data = file.read()
                total += len(hashlib.sha256(data).digest())
    return total


def record(home: Path, *, each: bool) -> float:
    """Return the seconds that 1,000 recorded decisions take: as they are, or each flushed by itself."""
    from theodore_loader.trust.decisions import Decision, Decisions

    decisions = Decisions(home)
    began = time.perf_counter()
    for number in range(1000):
        decisions.record(Decision(purpose="load", outcome="accepted", plugin=f"acme-{number}", message="x" * 800))
        if each:
            decisions.flush()
    decisions.flush()
    return time.perf_counter() - began


def start(home: Path) -> Sequence[str]:
    """Run a host that judges everything installed, in a process of its own."""
    environment = os.environ | {"THEODORE_PLUGIN_HOME": str(home)}
    done = subprocess.run([sys.executable, "-c", START], env=environment, capture_output=True, text=True, check=True)
    return done.stdout.split()


def main() -> int:
    """Measure and print."""
    scratch = Path(tempfile.mkdtemp(prefix="theodore-bench-"))
    try:
        measure(scratch)
    finally:
        subprocess.run(["chmod", "-R", "u+w", scratch], check=False)
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


def measure(scratch: Path) -> None:
    """Make the wheels, then measure one thing after another."""
    shop = workshop(scratch)
    made = [shop.write(scratch, name=f"acme-{number:04d}", extra=SOURCE) for number in range(MANY)]
    shop.sign(*made[0])
    signing = measured(lambda number: shop.sign(*made[number]), min(SIGNED, MANY))
    print(f"sign, certificate and four statements      {signing}  (aimed at 250 by the clock)")
    for path, wheel in made[SIGNED:]:
        shop.sign(path, wheel)

    from theodore_loader.preparation import Preparation
    from theodore_loader.trust.files import read_signed
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_loader.trust.verify import verify

    trust = TrustFile.of_home(shop.home)

    def first(number: int) -> None:
        files = read_signed(made[number % MANY][0])
        verified = verify(
            files,
            trust=trust,
            policy=shop.policy,
        )
        assert len(verified.attestations) == 4

    full = measured(first, ROUNDS)
    print(f"first verification, wheel and four         {full}  (aimed at 15 by the clock)")

    preparation = Preparation(shop.home, None, shop.policy)
    installed = [preparation.install(path) for path, _ in made]
    hashing = measured(lambda number: by_hand(shop.home, installed[number % MANY].sha256), ROUNDS)
    warm = measured(lambda number: preparation.prepare(installed[number % MANY].name), ROUNDS)
    print(f"reading and hashing the same files by hand {hashing}")
    print(f"load by receipt, recorded                  {warm}  (aimed at 2 + reading and hashing)")
    over = warm.clock - hashing.clock
    print(f"  {over:.2f} ms over reading and hashing; {full.clock / warm.clock:.1f} times as fast as in full")

    imports, seconds, used, judged, refused, heavy = start(shop.home)
    print(
        f"host start, {judged} plugins, {refused} refused: {float(seconds):.2f} s, {float(used):.2f} s of the processor"
    )
    print(
        f"  (aimed at 3 s for 1,000); imports before: {float(imports):.2f} s; sigstore, cryptography imported: {heavy}"
    )

    together, apart = (record(scratch / name, each=name == "apart") for name in ("together", "apart"))
    print(
        f"1,000 decisions recorded: {together:.2f} s; each flushed by itself: {apart:.2f} s, {apart / together:.1f} x"
    )


if __name__ == "__main__":
    sys.exit(main())
