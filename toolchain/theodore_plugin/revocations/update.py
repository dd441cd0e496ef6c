"""Taking in lists from files and web servers, each recorded as a decision, accepted or refused."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import msgspec

from theodore_loader.errors import ConfigurationProblem, Refused
from theodore_loader.paths import private_dir
from theodore_loader.regular_file import read_beyond, read_regular
from theodore_loader.trust.decisions import Decision, Decisions
from theodore_loader.trust.revocations.intake import TakenIn, revoker_of, take_in
from theodore_loader.trust.revocations.kept import Place, opened
from theodore_loader.trust.revocations.signed import MAX_BUNDLE, SignedList
from theodore_loader.trust.trust_file import Revoker, TrustFile
from theodore_loader.whole_file import replace_file
from theodore_plugin.advisories.fetch import Bounds, fetch

FETCH_SECONDS = 60.0
"""How long fetching one list may take, from the first byte asked for to the last."""
_HELP = "check the address and the network; or fetch the list elsewhere: theodore-plugin revocations update FILE"
_MAX_MARK = 1 << 16
_Result = TypeVar("_Result")


class _Fetched(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which state of which file was taken in last, and as which sequence."""

    url: str
    etag: str
    sequence: int


@dataclass(frozen=True, slots=True)
class Source:
    """Where a list comes from, and whose it must be; ``None``: any revoker's."""

    place: str
    revoker: str | None

    @property
    def is_address(self) -> bool:
        """Whether it is fetched."""
        return self.place.lower().startswith(("http://", "https://"))


def sources_of(place: str | None, revoker: str | None, trust: TrustFile) -> Sequence[Source]:
    """Return where to look: ``place``, or every address of the trust file; raises ConfigurationProblem if none."""
    wanted = trust.revokers if revoker is None else (revoker_of(trust, revoker),)
    if place is not None:
        at = [one.id for one in wanted if one.url == place] if revoker is None else [revoker]
        return [Source(place, at[0] if len(at) == 1 else None)]
    found = [Source(one.url, one.id) for one in wanted if one.url is not None]
    if not found:
        raise ConfigurationProblem(
            f"{trust.path} gives no address of a list to fetch",
            help="name a FILE or URL, or give [[revoker]] its url",
        )
    return found


def take_in_from(source: Source, trust: TrustFile, home: Path) -> TakenIn | None:
    """Take in a list; ``None`` if a web server still has the state that is in place. Raises as those below."""
    if source.is_address:
        return update_from_url(source.place, trust, home, source.revoker)
    return update_from_file(Path(source.place), trust, home, source.revoker)


def update_from_file(path: Path, trust: TrustFile, home: Path, revoker: str | None = None) -> TakenIn:
    """Take in the list at ``path``; raises as :func:`~theodore_loader.trust.revocations.intake.take_in`."""
    if not path.is_file():
        raise ConfigurationProblem(f"{path}: no such file", help="name a signed list, or the address of one")
    return _taken_in(read_beyond(path, MAX_BUNDLE), str(path), trust, home, revoker)


def update_from_url(url: str, trust: TrustFile, home: Path, revoker: str | None = None) -> TakenIn | None:
    """Take in the list at ``url``; ``None`` if the server still has the state that is in place.

    Raises ConfigurationProblem where it cannot be fetched, otherwise as :func:`update_from_file`.
    """
    with tempfile.TemporaryDirectory(prefix="theodore-revocations-") as folder:
        target = Path(folder) / "list"
        known = "" if revoker is None else _known(url, revoker_of(trust, revoker), trust, home)
        bounds = Bounds("list", MAX_BUNDLE, FETCH_SECONDS, _HELP)
        fetched = _within(FETCH_SECONDS, url, lambda: fetch(url, target, etag=known, bounds=bounds))
        if not fetched.changed:
            return None
        taken = _taken_in(target.read_bytes(), url, trust, home, revoker)
    _remember(Place(home, taken.signed.revoker.id), _Fetched(url, fetched.etag, taken.signed.facts.sequence))
    return taken


def _taken_in(data: bytes, source: str, trust: TrustFile, home: Path, revoker: str | None) -> TakenIn:
    decisions = Decisions(private_dir(home))

    def record(signed: SignedList) -> None:
        decisions.record(_acceptance(signed, source))

    try:
        return take_in(data, trust, home, datetime.now(UTC), revoker=revoker, record=record)
    except Refused as refusal:
        try:
            decisions.record(_refusal(refusal, source))
        except Refused as unrecorded:
            refusal.add_note(unrecorded.message)
        raise


def _acceptance(signed: SignedList, source: str) -> Decision:
    facts, revoker = signed.facts, signed.revoker.id
    return Decision(
        purpose="revocations",
        outcome="accepted",
        message=f"list {facts.sequence} of {revoker} from {source}: {facts.entries} entries hold, "
        f"{facts.withdrawn} are withdrawn; signed by {facts.signer}",
        rests_on={f"revocations of {revoker}": facts.sha256},
    )


def _refusal(refusal: Refused, source: str) -> Decision:
    message = f"the list from {source}: {refusal.message}"
    return Decision(purpose="revocations", outcome="refused", message=message, rule=refusal.rule, help=refusal.help)


def _known(url: str, revoker: Revoker, trust: TrustFile, home: Path) -> str:
    """Return the state of ``url`` that is in place, ``""`` unless that very list is there and acceptable."""
    with suppress(OSError, msgspec.MsgspecError, Refused, ConfigurationProblem):
        fetched = msgspec.json.decode(read_regular(Place(home, revoker.id).fetched, _MAX_MARK), type=_Fetched)
        if (fetched.url, fetched.sequence) == (url, opened(home, revoker, trust.roots).facts.sequence):
            return fetched.etag
    return ""


def _remember(place: Place, fetched: _Fetched) -> None:
    replace_file(place.fetched, msgspec.json.encode(fetched))


def _within(seconds: float, url: str, action: Callable[[], _Result]) -> _Result:
    """Run ``action`` and wait no longer than that: a server can drip its headers for ever."""
    answers: list[_Result] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            answers.append(action())
        except BaseException as problem:
            failures.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if failures:
        raise failures[0]
    if not answers:
        raise ConfigurationProblem(f"{url}: not there after {seconds:.0f} s", help=_HELP)
    return answers[0]
