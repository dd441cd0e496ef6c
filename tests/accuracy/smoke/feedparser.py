"""Parse text, a file, and addresses."""

import tempfile
from contextlib import suppress
from pathlib import Path

import feedparser

RSS = b"""<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>t</title><link>http://e.org/</link>
<item><title>a</title><description>&lt;p&gt;b &lt;img src="x.png"&gt;&lt;/p&gt;</description>
<pubDate>Mon, 01 Jan 2024 00:00:00 GMT</pubDate></item></channel></rss>"""
file = Path(tempfile.mkdtemp()) / "feed.xml"
file.write_bytes(RSS)
feedparser.parse(RSS)
feedparser.parse(str(file))
feedparser.parse(RSS.replace(b"</item>", b""))
for address in ("http://feeds.example.org/rss", "https://user:word@feeds.example.org/rss", "feed://feeds.example.org/"):
    with suppress(Exception):
        feedparser.parse(address, etag="x", modified="Mon, 01 Jan 2024 00:00:00 GMT", agent="a", referrer="r")
