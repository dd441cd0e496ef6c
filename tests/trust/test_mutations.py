"""Seeded mutations of everything a stranger controls: no crash, no acceptance of changed content."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator

import pytest
from campaign import mutants

from theodore_loader.errors import Refused
from theodore_loader.trust.attestations import authenticate
from theodore_loader.trust.bundles import parse_bundle
from theodore_loader.trust.signatures import OtherSigner, Signatures

BUNDLES = mutants(1500)
RULES = {"signature-invalid", "digest-mismatch", "signer-not-trusted", "verdict-invalid", "verdict-missing"}


def mutations(data: bytes, seed: int, count: int) -> Iterator[bytes]:
    """Yield ``count`` mutants: bits flipped, slices cut, doubled, swapped or overwritten."""
    chance = random.Random(seed)
    for _ in range(count):
        mutant = bytearray(data)
        for _ in range(chance.choice((1, 1, 1, 2, 5))):
            start = chance.randrange(len(mutant))
            end = min(len(mutant), start + chance.choice((1, 2, 8, 64)))
            match chance.randrange(5):
                case 0:
                    mutant[start] ^= 1 << chance.randrange(8)
                case 1:
                    del mutant[start:end]
                case 2:
                    mutant[start:start] = mutant[start:end]
                case 3:
                    mutant[start:end] = reversed(mutant[start:end])
                case 4:
                    mutant[start:end] = bytes(chance.randrange(32, 127) for _ in range(end - start))
            if not mutant:
                mutant = bytearray(b"x")
        yield bytes(mutant)


def values(document: object, path: tuple[object, ...] = ()) -> Iterator[tuple[object, ...]]:
    """Yield the path of every value in a JSON document."""
    yield path
    if isinstance(document, dict):
        for key, value in document.items():
            yield from values(value, (*path, key))
    elif isinstance(document, list):
        for index, value in enumerate(document):
            yield from values(value, (*path, index))


def structural(data: bytes) -> Iterator[bytes]:
    """Yield the document with each value in turn removed or replaced by every kind of wrong thing."""
    for path in values(json.loads(data)):
        for wrong in (None, True, -1, 2**70, 1.5, "", "A" * 5000, "ÿ", [], {}, [[]], {"a": 1}, "AAAA"):
            if path:
                document = json.loads(data)
                place = document
                for step in path[:-1]:
                    place = place[step]
                place[path[-1]] = wrong
                yield json.dumps(document).encode()


def outcome(bench, signatures: Signatures, data: bytes, bundle: bytes) -> str:
    """Return the identity that is found to have signed, or the rule that refused."""
    try:
        return signatures.artifact(data, parse_bundle(bundle), bench.trust.publishers[0].signer).identity
    except OtherSigner:
        return "signer-not-trusted"
    except Refused as refusal:
        return refusal.rule


@pytest.fixture(scope="module")
def signatures(bench) -> Signatures:
    return Signatures(bench.trust.roots)


def test_mutated_bundles_never_vouch_for_changed_bytes_and_never_crash(bench, signatures) -> None:
    changed = bench.data[:-1] + bytes([bench.data[-1] ^ 1])
    accepted = 0
    for mutant in mutations(bench.bundle, seed=20261122, count=BUNDLES):
        assert outcome(bench, signatures, changed, mutant) in RULES
        result = outcome(bench, signatures, bench.data, mutant)
        # unsigned hints inside a bundle may change without harm: the artifact's digest is the identity
        accepted += result == bench.instance.identity
        assert result in RULES | {bench.instance.identity}
    assert accepted < BUNDLES / 10


def test_bundles_with_values_of_the_wrong_kind_never_crash(bench, signatures) -> None:
    for mutant in structural(bench.bundle):
        assert outcome(bench, signatures, bench.data, mutant) in RULES | {bench.instance.identity}


def test_mutated_attestations_never_change_what_was_signed(bench, signatures) -> None:
    original = authenticate(bench.attestations, bench.trust, signatures, bench.filename, bench.wheel.sha256)
    lines = [*mutations(bench.attestations, seed=7, count=mutants(1000)), *structural(bench.lines["verdict"])]
    for mutant in lines:
        found, rule = (), None
        try:
            found = authenticate(mutant, bench.trust, signatures, bench.filename, bench.wheel.sha256)
        except Refused as refusal:
            rule = refusal.rule
        assert rule in RULES | {None}
        assert all(one.statement in [known.statement for known in original] for one in found)


def test_mutated_wheels_are_never_accepted(bench, signatures) -> None:
    for mutant in mutations(bench.data, seed=3, count=mutants(200)):
        if mutant != bench.data:
            with pytest.raises(Refused, match="other bytes"):
                bench.verify(data=mutant)
