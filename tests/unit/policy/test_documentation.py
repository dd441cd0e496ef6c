"""The example in the reference is a real policy, and the reference misses no key."""

from __future__ import annotations

import json
import re
from pathlib import Path

from theodore_loader.data import policies_dir
from theodore_loader.permissions import Permission
from theodore_loader.policy import judge, load_policy

DOCS = Path(__file__).parents[3] / "docs"
TEXT = (DOCS / "policy.md").read_text(encoding="utf-8")


def test_the_complete_example_is_a_usable_policy(tmp_path: Path) -> None:
    example = next(block for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL))
    path = tmp_path / "acme.yaml"
    path.write_text(example, encoding="utf-8")
    policy = load_policy(path)
    assert judge(Permission.from_text("subprocess pdftotext"), policy).allowed
    assert not judge(Permission.from_text("network x.competitor.example"), policy).allowed


def test_the_complete_example_shows_every_key() -> None:
    schema = json.loads((policies_dir() / "schemas" / "policy.schema.json").read_bytes())
    for key in schema["properties"]:
        assert re.search(rf"^{key}:", TEXT, re.MULTILINE), key
        assert f"| `{key}" in TEXT, key


def test_every_pattern_of_the_grammar_page_is_a_pattern() -> None:
    page = (DOCS / "permissions.md").read_text(encoding="utf-8")
    network, files, others = (section.split("\n## ")[0] for section in page.split("\n### ")[1:4])
    for kind, section in (("network", network), ("filesystem", files)):
        patterns = [
            pattern
            for row in re.findall(r"^\| (`[^|]*`) \|", section, re.MULTILINE)
            for pattern in re.findall(r"`(.*?)`", row)
        ]
        assert patterns
        for pattern in patterns:
            Permission.parse(kind, pattern)
    rows = re.findall(r"^\| `(\w+)` \|.*\| (.*) \|$", others, re.MULTILINE)
    assert len(rows) == 5
    for kind, examples in rows:
        for pattern in re.findall(r"`(.*?)`", examples):
            Permission.parse(kind, pattern)
