"""How bad a vulnerability is, from what its record says: a word of the database's own, or a CVSS 3 vector.

The base score is computed as the CVSS 3.1 specification says (https://www.first.org/cvss/v3.1/specification-document,
section 7.1, and appendix A for rounding). Vectors of other versions give no score: CVSS 4 needs tables.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

RATINGS = ("low", "medium", "high", "critical")

_WORDS = {"MODERATE": "medium"} | {rating.upper(): rating for rating in RATINGS}
_WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


def severity(record: Mapping[str, Any]) -> str:
    """Return ``critical``, ``high, CVSS 7.5`` and the like for an OSV record, or nothing where it does not say."""
    scores = [score for score in map(base_score, _vectors(record)) if score is not None]
    score = max(scores, default=None)
    own = record.get("database_specific")
    word = _WORDS.get(str(own.get("severity", "")).upper()) if isinstance(own, Mapping) else None
    if score is None:
        return word or ""
    return f"{word or rating(score)}, CVSS {score}"


def base_score(vector: str) -> float | None:
    """Return the base score of a CVSS 3.0 or 3.1 vector, or ``None`` if this is none."""
    version, *metrics = vector.split("/")
    given = dict(metric.split(":", 1) for metric in metrics if ":" in metric)
    if version not in {"CVSS:3.0", "CVSS:3.1"} or given.get("S") not in _PRIVILEGES:
        return None
    try:
        weight = {name: values[given[name]] for name, values in _WEIGHTS.items()}
        return _score(weight, _PRIVILEGES[given["S"]][given["PR"]], changed=given["S"] == "C")
    except KeyError:
        return None


def rating(score: float) -> str:
    """Return the qualitative rating of a score (section 5); a score of 0 is low, too."""
    return RATINGS[(score >= 4.0) + (score >= 7.0) + (score >= 9.0)]


def _score(weight: Mapping[str, float], privileges: float, *, changed: bool) -> float:
    base = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (base - 0.029) - 3.25 * (base - 0.02) ** 15 if changed else 6.42 * base
    if impact <= 0:
        return 0.0
    exploitability = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    return _round_up(min((1.08 if changed else 1.0) * (impact + exploitability), 10.0))


def _round_up(value: float) -> float:
    """Return the smallest number with one decimal that is not below ``value``, as appendix A does it."""
    scaled = round(value * 100_000)
    return scaled / 100_000 if scaled % 10_000 == 0 else (scaled // 10_000 + 1) / 10


def _vectors(record: Mapping[str, Any]) -> list[str]:
    listed = record.get("severity")
    entries = listed if isinstance(listed, Sequence) and not isinstance(listed, str) else ()
    return [str(entry["score"]) for entry in entries if isinstance(entry, Mapping) and "score" in entry]
