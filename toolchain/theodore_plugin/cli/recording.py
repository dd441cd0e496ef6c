"""Recording a decision that was asked for on the command line, as hosts record theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from theodore_loader.deciding import Recorder
from theodore_loader.paths import home_dir
from theodore_loader.policy import Policy
from theodore_loader.trust.decisions import Decisions
from theodore_loader.trust.files import SignedFiles
from theodore_loader.trust.grounds import Grounds
from theodore_loader.trust.pins import Pins
from theodore_loader.trust.receipts import Receipts
from theodore_loader.trust.trust_file import TrustFile
from theodore_loader.trust.verify import Verified


@contextmanager
def recording(files: SignedFiles, trust: TrustFile, policy: Policy) -> Iterator[Callable[[Verified], None]]:
    """Yield what records an acceptance; a refusal in the block is recorded by itself.

    Raises ``Refused`` (``decision-not-recorded``) for an acceptance that cannot be recorded.
    """
    home = home_dir()
    recorder = Recorder(Decisions(home))
    with recorder.deciding("verify", files) as case:
        case.grounds = Grounds.of(home, trust, policy, Pins(home), Receipts(home))

        def accept(verified: Verified) -> None:
            case.verified = verified
            recorder.accept(case)

        yield accept
    recorder.flush()
