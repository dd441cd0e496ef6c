"""Which protocol two ends speak: settled by the first frame and its answer, before anything else is understood.

The first frame's shape never changes: a list of protocols, a nonce, and a value that only the right one can read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from theodore_loader.channel.codec import PROTOCOLS


class NoCommonProtocolError(Exception):
    """The other end offers no protocol of ours."""


def choose(offered: Iterable[int], spoken: Sequence[int] = PROTOCOLS) -> int:
    """Return the best protocol that both speak.

    Raises:
        NoCommonProtocolError: there is none.

    """
    known = set(offered)
    for protocol in spoken:
        if protocol in known:
            return protocol
    raise NoCommonProtocolError(f"offered {_listed(sorted(known))}, spoken here {_listed(spoken)}")


def _listed(protocols: Iterable[int]) -> str:
    return ", ".join(map(str, protocols)) or "none"
