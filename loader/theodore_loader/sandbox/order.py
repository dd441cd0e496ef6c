"""The numbered steps by which a process confines itself, each verified, in the one order that works.

1. close every descriptor but the channel and the standard streams          (``descriptors``)
2. own session, umask 077                                                    (here)
3. control group: joined by the host before it sends the first byte          (``supervise/meter``)
4. namespaces and a root that holds what is granted, if the profile says so  (``namespaces``)
5. resource limits, soft = hard                                              (``rlimits``)
6. parent-death signal, no capabilities, no_new_privs, not dumpable          (``privileges``)
7. preloading and stubbing: the caller's, before it calls :func:`confine`
8. Landlock, while there is a single thread                                  (``landlock``)
9. seccomp on every thread                                                   (``seccomp``)
10. the audit hook: the caller's, after :func:`confine`                      (``audit_hook``)
11. canaries: try what must not work                                         (``canaries``)

Steps 8 and 9 come after everything that needs what they forbid. A step that fails ends the process's useful life: the
exception must not be caught and ignored, for half of the layers may be in place.
"""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from theodore_loader.errors import TierUnavailable
from theodore_loader.sandbox import canaries, descriptors, landlock, privileges, rlimits, seccomp
from theodore_loader.sandbox.canaries import CanaryResult
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.shape import Shape
from theodore_loader.sandbox.tier import Availability, Tier, available

STANDARD_STREAMS = (0, 1, 2)


@dataclass(frozen=True, slots=True)
class LayerState:
    """One layer, whether it holds, and how (or why not) in one line."""

    name: str
    active: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Achieved:
    """What a process really reached: reported, recorded, compared with the host's minimum."""

    tier: Tier
    layers: tuple[LayerState, ...]
    canaries: tuple[CanaryResult, ...] = ()

    def active(self, name: str) -> bool:
        """Say whether the layer ``name`` holds."""
        return any(layer.active for layer in self.layers if layer.name == name)

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for a frame or a report."""
        return {**asdict(self), "tier": int(self.tier)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Achieved:
        """Read what :meth:`to_dict` gave, from an untrusted process. Raises KeyError, TypeError or ValueError."""
        layers = tuple(LayerState(str(at["name"]), bool(at["active"]), str(at["detail"])) for at in data["layers"])
        results = tuple(CanaryResult(str(at["name"]), str(at["layer"]), str(at["refusal"])) for at in data["canaries"])
        return cls(Tier(data["tier"]), layers, results)


def confine(
    profile: Profile,
    *,
    keep: Collection[int] = STANDARD_STREAMS,
    parent: int | None = None,
    exec_address: int = 0,
) -> Achieved:
    """Confine the calling process to ``profile`` for the rest of its life (steps 1 to 9 and 11).

    Args:
        profile: what it may do.
        keep: descriptors that stay open (the standard streams and the channel).
        parent: pid the parent must still have; a process whose parent died in the meantime ends at once.
        exec_address: with ``subprocesses=0``, the address of the one path that may be executed once (``stage0``).

    Raises:
        TierUnavailable: the kernel does not offer a layer and the profile does not allow a weaker tier, a step failed,
            or a canary got through a layer that claimed to hold. The process must end.

    """
    offer = available()
    _require(profile, offer)
    prepare(profile, runs_program=exec_address != 0)  # reads what Landlock may forbid to read
    threads = thread_count()
    outside = canaries.arm(profile)
    linux = sys.platform.startswith("linux")
    step = functools.partial(_step, weaker=profile.allow_weaker)
    descriptors.close_all_except(keep)  # 1
    _own_session(profile.umask)  # 2
    layers, proofs = _namespaces(profile, threads, outside, runs_program=exec_address != 0)  # 4
    isolated = bool(layers)
    layers += [
        step("rlimits", offer.rlimits, lambda: rlimits.apply(profile)),  # 5
        step("privileges", linux, lambda: _give_up_privileges(parent)),  # 6
        step("landlock", offer.landlock_abi > 0, lambda: _landlock(profile, offer.landlock_abi, threads)),  # 8
    ]
    abi = offer.landlock_abi if layers[-1].active else 0
    shape = Shape.of(profile, landlock_abi=abi, private_mounts=isolated, runs_program=exec_address != 0)
    layers.append(step("seccomp", offer.seccomp, lambda: _seccomp(shape, exec_address)))  # 9
    held = {layer.name for layer in layers if layer.active}
    visible = canaries.ROOT if isolated else outside
    proofs += canaries.prove(profile, held, visible, ports_held=landlock.holds_ports(profile, abi))  # 11
    return Achieved(_tier(held), tuple(layers), proofs)


def prepare(profile: Profile, *, runs_program: bool = False) -> None:
    """Assemble the filter that :func:`confine` will install in any process of this profile."""
    offer = available()
    if offer.seccomp:
        abi, private = offer.landlock_abi, profile.namespaces
        seccomp.prepare(Shape.of(profile, landlock_abi=abi, private_mounts=private, runs_program=runs_program))


def rehearse(profile: Profile) -> None:
    """Go through :func:`confine` as far as it has no effect, so that a fork of this process does none of it first."""
    offer = available()
    if offer.tier < Tier.STANDARD:
        return
    thread_count()
    canaries.arm(profile)
    rlimits.held(profile)
    privileges.remaining()
    rules, _ = landlock.ruleset(profile, offer.landlock_abi)
    os.close(rules)
    prepare(profile)


def _namespaces(
    profile: Profile, threads: int, outside: str | None, *, runs_program: bool
) -> tuple[list[LayerState], tuple[CanaryResult, ...]]:
    """Take step 4 and prove it while it is the only layer; nothing weaker will do for a process half-way in."""
    if not profile.namespaces:
        return [], ()
    from theodore_loader.sandbox import namespaces  # most processes have none

    enter = functools.partial(namespaces.enter, profile, runs_program=runs_program)
    layer = _step("namespaces", True, lambda: _alone(threads, enter), weaker=False)
    return [layer], canaries.prove_isolation(profile, outside)


def _alone(threads: int, take: Callable[[], str]) -> str:
    if threads != 1:
        raise OSError(f"{threads} threads are running; it would hold only one of them")
    return take()


def _seccomp(shape: Shape, program_address: int) -> str:
    return f"{seccomp.install(shape, pid=os.getpid(), program_address=program_address)} instructions"


def _require(profile: Profile, offer: Availability) -> None:
    if offer.tier < Tier.STANDARD and not profile.allow_weaker:
        raise TierUnavailable(
            "this machine cannot confine a process: " + "; ".join(offer.reasons or ("no resource limits",)),
            help="use a Linux kernel with Landlock and seccomp, or choose a weaker tier (docs/guide/sandbox.md)",
        )


def _step(name: str, offered: bool, take: Callable[[], str], *, weaker: bool) -> LayerState:
    if not offered:
        return LayerState(name, False, "not offered by this machine")
    try:
        return LayerState(name, True, take())
    except OSError as problem:
        if weaker:
            return LayerState(name, False, f"could not be set up: {problem}")
        raise TierUnavailable(
            f"the sandbox layer {name} is offered and could not be set up: {problem}",
            help="this is not a weaker tier but a failure; report it with the kernel's version",
        ) from problem


def _own_session(umask: int) -> None:
    os.umask(umask)
    if hasattr(os, "setsid") and os.getsid(0) != os.getpid():
        os.setsid()


def _give_up_privileges(parent: int | None) -> str:
    detail = privileges.drop()
    privileges.die_with_parent(parent)  # after the credentials changed, which would clear it
    return detail


def _landlock(profile: Profile, version: int, threads: int) -> str:
    return _alone(threads, lambda: landlock.restrict(profile, version))


def thread_count() -> int:
    """Return the number of this process's threads, those Python does not know included where /proc tells."""
    try:
        return os.stat("/proc/self/task").st_nlink - 2  # noqa: PTH116 - one folder for each
    except OSError:
        import threading

        return threading.active_count()


def _tier(held: Collection[str]) -> Tier:
    if {"rlimits", "privileges", "landlock", "seccomp"} <= set(held):
        return Tier.ISOLATED if "namespaces" in held else Tier.STANDARD
    return Tier.BASIC if "rlimits" in held else Tier.NONE
