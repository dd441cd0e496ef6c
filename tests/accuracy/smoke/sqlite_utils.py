"""The library on a file and in memory, and the command line."""

import tempfile
from contextlib import suppress
from pathlib import Path

import sqlite_utils
from click.testing import CliRunner
from sqlite_utils import cli, recipes, utils

folder = Path(tempfile.mkdtemp())
path = str(folder / "a.db")


def attempt(action):
    with suppress(Exception):
        action()


def command(*arguments, text=None):
    """Run the command line."""
    CliRunner().invoke(cli.cli, [str(argument) for argument in arguments], input=text)


base = sqlite_utils.Database(path)
base["rows"].insert_all([{"id": 1, "name": "a", "dt": "1 Jan 2020"}], pk="id")
attempt(lambda: base["rows"].convert("name", lambda value: value.upper()))
attempt(lambda: base["rows"].convert("dt", recipes.parsedate))
attempt(lambda: base["rows"].enable_fts(["name"]))
attempt(lambda: sqlite_utils.Database(folder / "b.db", recreate=True))
attempt(lambda: sqlite_utils.Database(memory=True))
attempt(lambda: base.attach("other", folder / "b.db"))
attempt(lambda: base.init_spatialite())
attempt(utils.find_spatialite)
(folder / "rows.json").write_text('[{"id": 2}]')
(folder / "rows.csv").write_text("id,name\n1,x\n")
(folder / "f.py").write_text("def shout(value):\n    return value.upper()\n")
(folder / "image.bin").write_bytes(b"x")
command("tables", path, "--counts")
command("insert", path, "new", folder / "rows.json")
command("insert", path, "csv", folder / "rows.csv", "--csv", "--convert", "row['a'] = 1")
command("upsert", path, "new", folder / "rows.json", "--pk", "id")
command("memory", folder / "rows.csv", "select * from rows")
command("convert", path, "rows", "name", "value.title()")
command("convert", path, "rows", "name", "import string\nreturn string.capwords(value)")
command("query", path, "select shout(name) from rows", "--functions", folder / "f.py")
command("query", path, "select 1", "--functions", "def two(): return 2")
command("insert-files", path, "files", folder / "image.bin")
command("create-database", folder / "c.db")
command("dump", path)
command("extract", path, "rows", "name")
command("backup", path)
command("plugins")
command("install", "--help")
command("query", path, "select 1", "--load-extension", "nothing")
command("bulk", path, "insert into new (id) values (:id)", folder / "rows.json")
