"""The guide's table of categories is the SDK's."""

from __future__ import annotations

import re
from pathlib import Path

from theodore_sdk import CATEGORY_BASES, PluginInterface

GUIDE = Path(__file__).parents[3] / "docs" / "guide" / "sdk.md"


def names_in(cell: str) -> set[str]:
    return set(re.findall(r"`(\w+)`", cell))


def test_the_table_of_categories_names_every_base_class_and_method():
    rows = (
        line.split("|")[1:5] for line in GUIDE.read_text().splitlines() if re.match(r"\| `\w+` \| `\w+Plugin`", line)
    )
    told = {row[0].strip(" `"): (row[1].strip(" `"), names_in(row[2]), names_in(row[3])) for row in rows}
    lifecycle = PluginInterface.__abstractmethods__
    assert told == {
        category.value: (
            base.__name__,
            set(base.__abstractmethods__ - lifecycle),
            {name for name, member in vars(base).items() if callable(member)} - base.__abstractmethods__,
        )
        for category, base in CATEGORY_BASES.items()
    }
