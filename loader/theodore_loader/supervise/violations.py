"""Which ends of a worker are accidents, and which show that it must not be started again without somebody looking."""

from __future__ import annotations

import signal

from theodore_loader.errors import AccessNotRecorded, ProtocolViolation, Refused, WorkerCrashed

ONLY_ASKS = frozenset(
    {
        "accepts_event",
        "authorize",
        "collect_metrics",
        "count_vectors",
        "get_model_info",
        "get_rate_limits",
        "get_search_capabilities",
        "get_storage_info",
        "get_supported_formats",
        "get_supported_strategies",
        "get_transform_info",
        "health_check",
        "query_vectors",
        "supports_javascript",
        "validate_configuration",
    }
)
"""Operations of the contract that ask and change nothing; of the others nobody knows how far they had come."""


def is_violation(reason: Exception) -> bool:
    """Tell whether ``reason`` ends trust in a plugin and not only its worker.

    Frames no honest worker sends, less confinement than demanded (a canary that got through), death by seccomp, acts
    that cannot be recorded, a refusal by trust or policy.
    """
    if isinstance(reason, ProtocolViolation | Refused | AccessNotRecorded):
        return True
    return isinstance(reason, WorkerCrashed) and reason.status == -signal.SIGSYS


def is_revoked(reason: Exception) -> bool:
    """Tell whether a running plugin ends over ``reason``: somebody revoked it.

    Whatever else would be decided otherwise by now (a verdict has aged, an exception has run out, a policy's file was
    changed) is said, and decides when it is started the next time: time that passes must not stop a host.
    """
    return isinstance(reason, Refused) and reason.rule == "revoked"


def during(crash: WorkerCrashed, operation: str) -> WorkerCrashed:
    """Return the error of one call that was in flight when its worker ended: it says whether to repeat it."""
    own = type(crash).__new__(type(crash), *crash.args)
    vars(own).update(vars(crash))
    own.safe_to_repeat = operation in ONLY_ASKS
    advice = "it only asks: repeat it" if own.safe_to_repeat else "find out what it has done before you repeat it"
    own.help = "; ".join(filter(None, (crash.help, f"{operation} was running: {advice}")))
    return own
