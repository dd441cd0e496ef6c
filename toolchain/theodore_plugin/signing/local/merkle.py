"""RFC 6962 Merkle trees over stored complete subtrees; pure.

A tree is known through ``node(level, index)``: the hash of the complete subtree of ``2**level`` leaves that starts at
leaf ``index * 2**level``. Everything else (roots, inclusion and consistency proofs) follows from those.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence

Node = Callable[[int, int], bytes]
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(body: bytes) -> bytes:
    """Hash one leaf (section 2.1)."""
    return hashlib.sha256(b"\x00" + body).digest()


def pair_hash(left: bytes, right: bytes) -> bytes:
    """Hash an inner node (section 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def grown(node: Node, index: int, leaf: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Yield ``(level, index, hash)`` of every subtree that leaf number ``index`` completes, the leaf first."""
    level, current = 0, leaf
    yield level, index, current
    while index % 2:
        current = pair_hash(node(level, index - 1), current)
        level, index = level + 1, index // 2
        yield level, index, current


def root_hash(node: Node, size: int) -> bytes:
    """Return the tree head of the first ``size`` leaves."""
    return _range_hash(node, 0, size) if size else EMPTY_ROOT


def inclusion_proof(node: Node, index: int, size: int) -> list[bytes]:
    """Return the audit path of leaf ``index`` in the tree of ``size`` leaves (section 2.1.1), lowest level first."""
    if not 0 <= index < size:
        raise IndexError(f"leaf {index} is not in a tree of {size}")
    return _path(node, index, 0, size)


def consistency_proof(node: Node, old: int, new: int) -> list[bytes]:
    """Return the proof that the tree of ``old`` leaves is a prefix of the tree of ``new`` (section 2.1.2)."""
    if not 0 < old <= new:
        raise IndexError(f"no consistency proof from {old} to {new}")
    return _subproof(node, old, 0, new, known=True)


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Tell whether ``proof`` shows that the old tree is a prefix of the new one (RFC 9162, section 2.1.4.2)."""
    if old == new:
        return old_root == new_root and not proof
    if not 0 < old < new:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    if not path:
        return False
    return _fold(path, old - 1, new - 1) == (old_root, new_root)


def _fold(path: list[bytes], old_last: int, new_last: int) -> tuple[bytes, bytes] | None:
    while old_last % 2:
        old_last, new_last = old_last >> 1, new_last >> 1
    old_hash = new_hash = path[0]
    for sibling in path[1:]:
        if not new_last:
            return None
        if old_last % 2 or old_last == new_last:
            old_hash, new_hash = pair_hash(sibling, old_hash), pair_hash(sibling, new_hash)
            while old_last and not old_last % 2:
                old_last, new_last = old_last >> 1, new_last >> 1
        else:
            new_hash = pair_hash(new_hash, sibling)
        old_last, new_last = old_last >> 1, new_last >> 1
    return None if new_last else (old_hash, new_hash)


def _range_hash(node: Node, start: int, end: int) -> bytes:
    size = end - start
    if size & (size - 1) == 0:
        # Splitting at the largest power of two keeps every complete range aligned, so it is a stored node.
        return node(size.bit_length() - 1, start // size)
    middle = start + _split(size)
    return pair_hash(_range_hash(node, start, middle), _range_hash(node, middle, end))


def _path(node: Node, index: int, start: int, end: int) -> list[bytes]:
    if end - start == 1:
        return []
    middle = start + _split(end - start)
    if index < middle:
        return [*_path(node, index, start, middle), _range_hash(node, middle, end)]
    return [*_path(node, index, middle, end), _range_hash(node, start, middle)]


def _subproof(node: Node, old: int, start: int, end: int, *, known: bool) -> list[bytes]:
    if old == end:
        return [] if known else [_range_hash(node, start, end)]
    middle = start + _split(end - start)
    if old <= middle:
        return [*_subproof(node, old, start, middle, known=known), _range_hash(node, middle, end)]
    return [*_subproof(node, old, middle, end, known=False), _range_hash(node, start, middle)]


def _split(size: int) -> int:
    """Return the largest power of two smaller than ``size``."""
    return 1 << (size - 1).bit_length() - 1
