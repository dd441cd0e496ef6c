"""Extract with every kind of cache and source, update, and the command line."""

import sys
import tempfile
from contextlib import suppress

import tldextract
from tldextract import cli

folder = tempfile.mkdtemp()


def attempt(action):
    with suppress(Exception, SystemExit):
        action()


attempt(lambda: tldextract.extract("http://forums.bbc.co.uk/"))
attempt(lambda: tldextract.TLDExtract(cache_dir=folder)("http://a.example.co.uk"))
attempt(lambda: tldextract.TLDExtract(cache_dir=folder)("http://a.example.co.uk"))
attempt(lambda: tldextract.TLDExtract(cache_dir=folder, fallback_to_snapshot=False)("a.b"))
attempt(lambda: tldextract.TLDExtract(cache_dir=folder, suffix_list_urls=["file:///nothing"])("a.b"))
attempt(lambda: tldextract.TLDExtract(cache_dir=folder).update(fetch_now=True))
attempt(lambda: tldextract.TLDExtract(cache_dir=None, suffix_list_urls=())("a.b"))
for arguments in (["bbc.co.uk"], ["--update"], ["--json", "bbc.co.uk"]):
    sys.argv = ["tldextract", *arguments]
    attempt(cli.main)
