"""Queries, pages, random works, full text downloads."""

import tempfile
from contextlib import suppress
from pathlib import Path

import pyalex
from pyalex import Authors, Concepts, Works, autocomplete

pyalex.config.email = "somebody@example.org"
pyalex.config.max_retries = 0
pyalex.config.api_key = "none"


def attempt(action):
    with suppress(Exception):
        action()


attempt(lambda: Works()["W2741809807"])
attempt(lambda: Works()[["W1", "W2"]])
attempt(lambda: Works().search("machine").get())
attempt(lambda: Works().filter(publication_year=2020).count())
attempt(lambda: Works().random())
attempt(lambda: Works().similar("text"))
attempt(lambda: list(Authors().search("einstein").paginate(per_page=2, n_max=2)))
attempt(lambda: Authors().autocomplete("ein"))
attempt(lambda: autocomplete("ein"))
attempt(lambda: Concepts().get())
attempt(lambda: pyalex.api.autocompletes()["ein"])
work = pyalex.Work({"id": "https://openalex.org/W1", "abstract_inverted_index": {"a": [0]}})
target = Path(tempfile.mkdtemp()) / "work.pdf"
attempt(lambda: work.ngrams())
attempt(lambda: work.pdf.get())
attempt(lambda: work.pdf.download(target))
attempt(lambda: work.tei.download(target))
