"""How long the command line takes to say something, against the bare interpreter in the same run."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15
COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import click'": ["-c", "import click"],
    "theodore-plugin --help": ["-m", "theodore_plugin", "--help"],
    "theodore-plugin --version": ["-m", "theodore_plugin", "--version"],
    "theodore-plugin check --help": ["-m", "theodore_plugin", "check", "--help"],
    "theodore-plugin verify --help": ["-m", "theodore_plugin", "verify", "--help"],
}


def milliseconds(arguments: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True)
    return (time.perf_counter() - started) * 1000


def main() -> None:
    samples: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):  # interleaved, so that a slow moment of the machine hits every command alike
        for name, arguments in COMMANDS.items():
            samples[name].append(milliseconds(arguments))
    bare = statistics.median(samples["python -c pass"])
    print(f"{'command':32} {'median ms':>10} {'min':>8} {'x bare':>8}")
    for name, values in samples.items():
        median = statistics.median(values)
        print(f"{name:32} {median:10.1f} {min(values):8.1f} {median / bare:8.2f}")


if __name__ == "__main__":
    main()
