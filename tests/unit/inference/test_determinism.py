"""The same source gives the same answer in every process."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tomllib
from pathlib import Path

SNIPPETS = Path(__file__).parents[2] / "rules" / "evasive.toml"
PROGRAM = """
import sys, tomllib
from pathlib import Path
from theodore_loader.policy import load_policy
from theodore_plugin.analysis import analyse
from theodore_plugin.project import PluginProject
from theodore_plugin.rules.examples import example_files

snippets = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["evasive"]
files = example_files("VALUE = 1")
files.update({f"demo/s{number}.py": code.encode() for number, code in enumerate(snippets.values())})
result = analyse(PluginProject.from_files(files), load_policy("default"))
print(result.findings, result.inference)
"""


def answer(seed: int) -> str:
    environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
    argv = [sys.executable, "-c", PROGRAM, str(SNIPPETS)]
    done = subprocess.run(argv, capture_output=True, check=True, env=environment, timeout=120)
    return hashlib.sha256(done.stdout).hexdigest()


def test_the_answer_does_not_depend_on_the_hash_seed() -> None:
    assert tomllib.loads(SNIPPETS.read_text(encoding="utf-8"))["evasive"]
    assert len({answer(seed) for seed in (0, 1, 2)}) == 1
