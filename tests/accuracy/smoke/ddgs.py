"""Every kind of search, extraction, and the command line's saving and downloading."""

import tempfile
from contextlib import suppress
from pathlib import Path

from click.testing import CliRunner
from ddgs import DDGS
from ddgs import cli as command_line

for kind in ("text", "images", "news", "videos", "books"):
    with suppress(Exception):
        getattr(DDGS(timeout=1), kind)("python", max_results=1)
with suppress(Exception):
    DDGS(timeout=1).extract("https://example.org/")
folder = tempfile.mkdtemp()
rows = [{"title": "a", "href": "https://example.org/", "image": "https://example.org/a.png"}]
for name in (f"{folder}/a.json", f"{folder}/a.csv"):
    with suppress(Exception):
        command_line._save_data("q", rows, "text", name)
with suppress(Exception):
    command_line._download_results("q", rows, "images", None, 1, f"{folder}/d", verify=True)
for arguments in (["version"], ["text", "-q", "python", "-m", "1", "-o", str(Path(folder) / "b.json")], ["api", "-s"]):
    with suppress(Exception):
        CliRunner().invoke(command_line.cli, arguments)
