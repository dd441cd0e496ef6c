"""Load, find, set and unset, and the command line."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path

import dotenv
from click.testing import CliRunner
from dotenv import cli

folder = Path(tempfile.mkdtemp())
file = folder / ".env"
file.write_text("A=1\nB=${A}\nC=${HOME:-x}\n")
os.chdir(folder)


def attempt(action):
    with suppress(Exception, SystemExit):
        action()


attempt(lambda: dotenv.load_dotenv(file))
attempt(lambda: dotenv.load_dotenv(file, override=True))
attempt(lambda: dotenv.load_dotenv())
attempt(lambda: dotenv.dotenv_values(file))
attempt(lambda: dotenv.find_dotenv(usecwd=True))
attempt(dotenv.find_dotenv)
attempt(lambda: dotenv.set_key(file, "D", "2"))
attempt(lambda: dotenv.unset_key(file, "D"))
attempt(lambda: dotenv.get_key(file, "A"))
for arguments in (["list"], ["get", "A"], ["set", "E", "1"], ["unset", "E"], ["run", "true"]):
    attempt(lambda arguments=arguments: CliRunner().invoke(cli.cli, ["-f", str(file), *arguments]))
