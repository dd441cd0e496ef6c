"""What looking into lists of revocations costs: without a list, with a small one, with one of ``MANY`` entries.

Really signed lists in a state folder of their own. The looks happen in a process of its own, as at a host's start: the
first one opens the list, the second one meets what is open, then a thousand different wheels are asked about.
Processor time besides, because a look is short and a machine is seldom quiet.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

MANY = int(os.environ.get("MANY", "100000"))
LOOKS = """
import hashlib, sys, time
from datetime import UTC, datetime
from theodore_loader.trust.revocations.index import Subject
from theodore_loader.trust.revocations.lookup import Revocations
from theodore_loader.trust.signatures import Signer
from theodore_loader.trust.trust_file import TrustFile

trust = TrustFile.load()
rule = trust.publishers[0].signer
signers = (Signer(rule.root, rule.issuer, rule.identity, 1, datetime.now(UTC)),) * 2

def look(number):
    revocations = Revocations.of(trust)
    revocations.refuse_stale(datetime.now(UTC))
    digest = hashlib.sha256(b"innocent %d" % number).hexdigest()
    revocations.check(Subject(digest, "acme-hello", "1.0", frozenset({"acme"}), signers), "load")

def timed(work):
    clock, processor = time.perf_counter(), time.process_time()
    work()
    return f"{(time.perf_counter() - clock) * 1000:8.2f} ({(time.process_time() - processor) * 1000:8.2f})"

looks = [timed(lambda: look(0)), timed(lambda: look(0)), timed(lambda: [look(number) for number in range(1000)])]
print("   ".join(looks), "  sigstore" if "sigstore" in sys.modules else "")
"""


@contextmanager
def timed(label: str) -> Iterator[None]:
    """Print how long the block takes."""
    began = time.perf_counter()
    yield
    print(f"{label:<44}{time.perf_counter() - began:8.2f} s")


def home_with(scratch: Path, name: str, entries: int | None) -> Path:
    """Return a state folder whose revoker has a list of that many entries, or no revoker at all."""
    from theodore_loader.policy import load_policy
    from theodore_loader.trust.edit import TrustEditor
    from theodore_loader.trust.trust_file import Revoker, TrustFile
    from theodore_plugin.signing.enrol import enrol_local

    home = scratch / name
    home.mkdir(mode=0o700)
    os.environ["THEODORE_PLUGIN_HOME"] = str(home)
    enrol_local(load_policy("default"))
    if entries is not None:
        with TrustEditor(home / "trust.toml") as editor:
            editor.add_revoker(Revoker("acme", TrustFile.load().publishers[0].signer))
        take_in(home, entries)
    return home


def take_in(home: Path, entries: int) -> None:
    """Sign a list and take it in."""
    from theodore_loader.trust.revocations import intake
    from theodore_loader.trust.trust_file import TrustFile
    from theodore_plugin.signing.instances import local
    from theodore_plugin.signing.revoke import Before, replacing, sign_next

    path = home / "acme.sigstore.json"
    with timed(f"signing {entries:,} entries"):
        sign_next(path, Before("acme", None, checked=True), replacing(made(entries)), local(), days=30)
    with timed(f"taking in {path.stat().st_size:,} bytes"):
        intake.take_in(path.read_bytes(), TrustFile.load(), home, datetime.now(UTC) + timedelta(seconds=1))


def made(entries: int) -> list[object]:
    """Return entries of the usual length."""
    from theodore_loader.trust.revocations.document import Entry

    make: Callable[..., object] = Entry
    return [
        make(
            action="block-load",
            sha256=hashlib.sha256(b"%d" % number).hexdigest(),
            reason=f"steals tokens, case {number}",
            url=f"https://example.com/advisory/{number}",
        )
        for number in range(entries)
    ]


def main() -> int:
    """Measure and print."""
    scratch = Path(tempfile.mkdtemp(prefix="theodore-bench-"))
    try:
        homes = {
            "no list": home_with(scratch, "none", None),
            "100 entries": home_with(scratch, "small", 100),
            f"{MANY:,} entries": home_with(scratch, "large", MANY),
        }
        print(f"\n{'milliseconds (of processor time)':<34}{'first look':>19}{'second':>22}{'1,000 more':>22}")
        for label, home in homes.items():
            environment = os.environ | {"THEODORE_PLUGIN_HOME": str(home)}
            for _ in range(3):
                done = subprocess.run(
                    [sys.executable, "-c", LOOKS], env=environment, capture_output=True, text=True, check=True
                )
                print(f"{label:<34}{done.stdout.rstrip()}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
