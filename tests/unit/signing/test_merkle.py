"""RFC 6962 trees, held against a direct transcription of the RFC's definitions over lists of leaves."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from theodore_plugin.signing.local.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    grown,
    inclusion_proof,
    leaf_hash,
    pair_hash,
    root_hash,
    verify_consistency,
)


def tree(leaves: list[bytes]):
    nodes: dict[tuple[int, int], bytes] = {}

    def node(level: int, index: int) -> bytes:
        return nodes[level, index]

    for index, leaf in enumerate(leaves):
        for level, position, digest in grown(node, index, leaf_hash(leaf)):
            nodes[level, position] = digest
    return node


def reference_root(leaves: list[bytes]) -> bytes:
    """MTH of section 2.1."""
    if not leaves:
        return hashlib.sha256().digest()
    if len(leaves) == 1:
        return leaf_hash(leaves[0])
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return pair_hash(reference_root(leaves[:split]), reference_root(leaves[split:]))


def included(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes:
    """The root an audit path leads to (RFC 9162, section 2.1.3.2)."""
    last, digest = size - 1, leaf_hash(leaf)
    for sibling in proof:
        if index % 2 or index == last:
            digest = pair_hash(sibling, digest)
            while index % 2 == 0 and index:
                index, last = index // 2, last // 2
        else:
            digest = pair_hash(digest, sibling)
        index, last = index // 2, last // 2
    assert last == 0
    return digest


LEAVES = [str(number).encode() for number in range(40)]


def test_the_empty_tree_is_the_hash_of_nothing() -> None:
    assert root_hash(tree([]), 0) == EMPTY_ROOT == reference_root([])


@pytest.mark.parametrize("size", range(1, 40))
def test_roots_and_inclusion_proofs_follow_the_rfc(size: int) -> None:
    node, leaves = tree(LEAVES[:size]), LEAVES[:size]
    root = root_hash(node, size)
    assert root == reference_root(leaves)
    for index in range(size):
        assert included(leaves[index], index, size, inclusion_proof(node, index, size)) == root


@given(st.integers(1, 200), st.data())
@settings(deadline=None)
def test_consistency_proofs_hold_for_prefixes_and_for_nothing_else(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    leaves = [str(number).encode() for number in range(new)]
    node = tree(leaves)
    proof = consistency_proof(node, old, new)
    roots = root_hash(node, old), root_hash(node, new)
    assert verify_consistency(old, new, *roots, proof)
    forked = root_hash(tree([b"forged", *leaves[1:]]), old)
    assert not verify_consistency(old, new, forked, roots[1], proof)
    assert not verify_consistency(old, new, roots[0], b"\0" * 32, proof)
    assert not verify_consistency(old, new, *roots, [*proof, b"\0" * 32])


def test_proofs_of_what_is_not_there_are_refused() -> None:
    node = tree(LEAVES[:4])
    with pytest.raises(IndexError, match="leaf 4"):
        inclusion_proof(node, 4, 4)
    with pytest.raises(IndexError, match="from 0"):
        consistency_proof(node, 0, 4)
    assert not verify_consistency(5, 4, b"", b"", [])
    assert not verify_consistency(3, 4, b"", b"", [])
