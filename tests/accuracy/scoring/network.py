"""Does a package's own code use the network? ``python tests/accuracy network``.

Yes where the code itself opens a connection or calls a client that does. No where it starts a program that may
(GitPython), builds requests for others to send (oauthlib), or talks to an application in its own process.
"""

from __future__ import annotations

from scoring.claims import Answer, answer
from scoring.corpus import LABELS, cached
from scoring.record import read_labels
from theodore_plugin.inference.capabilities import shipped_map

NETWORK = LABELS / "network.jsonl"
PUBLISHED = "GuardDog 3.2 (regular expressions): precision 0.73, recall 0.52 on 30 packages"


def main(_arguments: list[str]) -> int:
    """Print what is wrong, then precision and recall."""
    right = wrong = missed = 0
    for label in read_labels(NETWORK):
        evidence = uses_network(answer(cached(label["wheel"])))
        right += bool(evidence) and label["network"]
        wrong += bool(evidence) and not label["network"]
        missed += not evidence and label["network"]
        if bool(evidence) != label["network"]:
            print(f"- {label['package']}: said {evidence or 'no'}, is {label['network']} ({label['why']})")
    total = len(read_labels(NETWORK))
    print(f"{total} packages: precision {right}/{right + wrong} = {_ratio(right, wrong)}", end=", ")
    print(f"recall {right}/{right + missed} = {_ratio(right, missed)}; {PUBLISHED}")
    return 0


def uses_network(found: Answer) -> str:
    """Return the first place where own code uses the network, or nothing.

    What a dependency does for itself, one that the capability map does not describe and that was therefore followed,
    is that dependency's act.
    """
    calls = (claim for claim in found.claims if claim.permission == "network")
    return next((f"{claim.path}:{claim.line} {claim.symbol}" for claim in calls if _is_described(claim.symbol)), "")


def _is_described(symbol: str) -> bool:
    return not symbol.startswith("import ") and shipped_map().library(symbol) is not None


def _ratio(good: int, bad: int) -> str:
    return f"{good / (good + bad):.3f}" if good + bad else "-"
