"""A filter assembled by the host while the process that will need it is still starting.

The process trusts the host, which decides its whole profile. What it is given is used only if it comes to the same
:class:`~theodore_loader.sandbox.shape.Shape` by itself; else it assembles its own.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from theodore_loader.sandbox import libc, seccomp
from theodore_loader.sandbox.bpf import Template
from theodore_loader.sandbox.profile import Profile
from theodore_loader.sandbox.shape import Shape
from theodore_loader.sandbox.tier import available


def pack(profile: Profile, *, runs_program: bool) -> dict[str, Any] | None:
    """Return plain values for :func:`unpack`, or ``None`` where there are no filters."""
    machine, offer = libc.machine(), available()
    if machine is None or not offer.seccomp:
        return None
    shape = Shape.of(
        profile, landlock_abi=offer.landlock_abi, private_mounts=profile.namespaces, runs_program=runs_program
    )
    template = seccomp.template(shape, machine)
    return {"shape": asdict(shape), "machine": machine, "code": template.code.hex(), "slots": dict(template.slots)}


def unpack(data: Mapping[str, Any] | None) -> None:
    """Keep what :func:`pack` gave."""
    if data is not None:
        template = Template(bytes.fromhex(data["code"]), {name: tuple(at) for name, at in data["slots"].items()})
        seccomp.adopt(Shape(**data["shape"]), data["machine"], template)
