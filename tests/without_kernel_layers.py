"""Run a command on a kernel without Landlock, without seccomp, or without both: ``--keep seccomp -- COMMAND``.

``--keep all`` leaves both and refuses namespaces, as most containers do.

Not a switch inside the product: this process puts itself under a seccomp filter that answers the way an old kernel
(ENOSYS for Landlock) or a strict container (EINVAL for new filters) answers, and then becomes the command. Everything
started from it meets the same kernel.
"""

from __future__ import annotations

import argparse
import errno
import os
import struct
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "loader"))

from theodore_loader.sandbox import libc
from theodore_loader.sandbox.bpf import Program

LANDLOCK = ("landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self")
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
NUMBER, FIRST_ARGUMENT = 0, 16
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 22, 38
SECCOMP_SET_MODE_FILTER = 1


def old_kernel(*, landlock: bool, seccomp: bool, namespaces: bool = True) -> bytes:
    """Return a filter that hides what is not to be there."""
    numbers = libc.syscall_numbers(libc.machine() or "")
    program = Program()
    program.load(NUMBER)
    if not landlock:
        for name in LANDLOCK:
            answer(program, numbers[name], errno.ENOSYS)
    if not namespaces:
        answer(program, numbers["unshare"], errno.EPERM)
    if not seccomp:
        answer(program, numbers["seccomp"], errno.EINVAL)
        program.jump_equal(numbers["prctl"], otherwise="allow")
        program.load(FIRST_ARGUMENT)
        program.jump_equal(PR_SET_SECCOMP, otherwise="allow")
        program.give(ERRNO | errno.EINVAL)
    program.label("allow")
    program.give(ALLOW)
    return program.assemble()


def answer(program: Program, number: int, error: int) -> None:
    program.jump_equal(number, otherwise=f"not {number}")
    program.give(ERRNO | error)
    program.label(f"not {number}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", choices=["landlock", "seccomp", "all"], help="what this kernel still has")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    kept = {name: options.keep in (name, "all") for name in ("landlock", "seccomp")}
    code = old_kernel(**kept, namespaces=options.keep != "all")
    libc.prctl(PR_SET_NO_NEW_PRIVS, 1)
    filter_program = struct.pack("@HP", len(code) // 8, libc.address(code))
    libc.syscall("seccomp", SECCOMP_SET_MODE_FILTER, 0, filter_program)
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    main()
