"""What an organisation allows: policy files, the judgement of one permission, and the grants of a plugin.

A file is read (:mod:`yaml_reader`), held against the published schema (:mod:`validation`), laid over the policy it
extends (:mod:`layer`) and becomes a :class:`Policy` (:mod:`model`). :mod:`evaluate` and :mod:`grants` only decide.
"""

from __future__ import annotations

from theodore_loader.policy.evaluate import Judgement, judge
from theodore_loader.policy.grants import Grants, capped, grants
from theodore_loader.policy.load import BUILT_IN, load_policy
from theodore_loader.policy.model import Policy
from theodore_loader.policy.problems import PolicyProblems, Problem

__all__ = [
    "BUILT_IN",
    "Grants",
    "Judgement",
    "Policy",
    "PolicyProblems",
    "Problem",
    "capped",
    "grants",
    "judge",
    "load_policy",
]
