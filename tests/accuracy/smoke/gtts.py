"""Speak to a file, list languages, and the command line."""

import tempfile
from contextlib import suppress
from pathlib import Path

from click.testing import CliRunner
from gtts import gTTS
from gtts.cli import tts_cli
from gtts.lang import tts_langs

folder = Path(tempfile.mkdtemp())
tts_langs()
speech = gTTS("Hello there. How are you?", lang="en")
with suppress(Exception):
    speech.save(str(folder / "a.mp3"))
with suppress(Exception):
    list(speech.stream())
with suppress(Exception):
    speech.get_bodies()
(folder / "text.txt").write_text("hello")
for arguments in (["hello", "-o", str(folder / "b.mp3")], ["-f", str(folder / "text.txt")], ["--all"]):
    CliRunner().invoke(tts_cli, arguments)
