"""Write ``sandbox/syscall_table.py`` from the kernel's user-space headers.

Numbers come from the C preprocessor, so that what the headers make conditional is decided by the
macros the architecture itself defines and not by us; calls that are
younger than the headers are named in ``NEWER``. Needs a C compiler and the Linux headers::

    python scripts/generate_syscalls.py [--check] [--include /usr/include]
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "loader" / "theodore_loader" / "sandbox" / "syscall_table.py"

# What arch/arm64/include/uapi/asm/unistd.h defines before it includes the generic header.
ARM64_MACROS = (
    "__BITS_PER_LONG=64",
    "__ARCH_WANT_RENAMEAT",
    "__ARCH_WANT_NEW_STAT",
    "__ARCH_WANT_SET_GET_RLIMIT",
    "__ARCH_WANT_SYS_CLONE3",
    "__ARCH_WANT_MEMFD_SECRET",
)
# A new call gets one number for every architecture (since 424), so that calls which are younger than the installed
# headers can be named by hand, and put on a list before the first kernel that has them is met.
FIRST_NEWER = 451
NEWER = (
    *("cachestat", "fchmodat2", "map_shadow_stack", "futex_wake", "futex_wait", "futex_requeue", "statmount"),
    *("listmount", "lsm_get_self_attr", "lsm_set_self_attr", "lsm_list_modules", "mseal", "setxattrat", "getxattrat"),
    *("listxattrat", "removexattrat", "open_tree_attr", "file_getattr", "file_setattr", "listns", "rseq_slice_yield"),
)
NEWER_X86 = {335: "uretprobe", 336: "uprobe"}
X86_HEADER = "x86_64-linux-gnu/asm/unistd_64.h"
GENERIC_HEADER = "asm-generic/unistd.h"

HEAD = '''"""System call numbers, from kernel headers. Written by ``scripts/generate_syscalls.py``; do not edit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

'''


def main() -> int:
    """Write the table, or with ``--check`` say whether the committed one is what the headers give."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--include", type=Path, default=Path("/usr/include"))
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    text = render(options.include)
    if options.check:
        return 0 if TARGET.read_text() == text else 1
    TARGET.write_text(text)
    return 0


def render(include: Path) -> str:
    """Return the module's text for the headers below ``include``."""
    newer = dict(enumerate(NEWER, FIRST_NEWER))
    x86 = completed(numbers(include / X86_HEADER, ()), {**NEWER_X86, **newer})
    arm = completed(numbers(include / GENERIC_HEADER, ARM64_MACROS), newer)
    return HEAD + table("X86_64", x86) + "\n" + table("AARCH64", arm)


def numbers(header: Path, macros: tuple[str, ...]) -> dict[str, int]:
    """Return name -> number as the preprocessor sees ``header``."""
    argv = ["cc", "-E", "-dM", *(f"-D{macro}" for macro in macros), str(header)]
    defined = subprocess.run(argv, check=True, capture_output=True, text=True).stdout
    macros_seen = dict(re.findall(r"^#define (__NR(?:3264)?_\w+) (\w+)$", defined, re.MULTILINE))
    found = {name.removeprefix("__NR_"): resolve(name, macros_seen) for name in macros_seen if name.startswith("__NR_")}
    found.pop("arch_specific_syscall", None)
    found.pop("syscalls", None)
    return dict(sorted(found.items(), key=lambda item: item[1]))


def completed(found: dict[str, int], newer: dict[int, str]) -> dict[str, int]:
    """Add the calls that the headers do not have yet. Raises ValueError where they say otherwise."""
    for number, name in newer.items():
        if found.setdefault(name, number) != number:
            raise ValueError(f"{name} is {found[name]} in the headers and {number} here")
    return dict(sorted(found.items(), key=lambda item: item[1]))


def resolve(name: str, macros: dict[str, str]) -> int:
    """Follow ``__NR_fcntl -> __NR3264_fcntl -> 25``."""
    value = macros[name]
    return int(value) if value.isdigit() else resolve(value, macros)


def table(name: str, values: dict[str, int]) -> str:
    """Return one mapping as source text."""
    lines = [f'    "{syscall}": {number},' for syscall, number in values.items()]
    return "\n".join([f"{name}: Final[Mapping[str, int]] = {{", *lines, "}", ""])


if __name__ == "__main__":
    sys.exit(main())
