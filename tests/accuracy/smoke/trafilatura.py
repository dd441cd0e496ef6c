"""Extraction, downloads, feeds, sitemaps, and the command line."""

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import trafilatura
from trafilatura import cli, cli_utils, downloads, feeds, settings, sitemaps, spider, xml

HTML = (
    "<html><head><title>T</title></head><body><article><h1>A</h1>"
    + "<p>"
    + "Some words in a sentence. " * 40
    + "</p></article></body></html>"
)
folder = Path(tempfile.mkdtemp())
(folder / "in").mkdir()
shipped = (Path(trafilatura.__file__).parent / "settings.cfg").read_text()
(folder / "quick.cfg").write_text(shipped.replace("SLEEP_TIME = 5.0", "SLEEP_TIME = 0.05"))
(folder / "in" / "a.html").write_text(HTML)
(folder / "urls.txt").write_text("https://example.org/\n")


def attempt(action):
    with suppress(Exception, SystemExit):
        action()


def command(*arguments):
    """Run the command line."""
    sys.argv = ["trafilatura", *arguments, "--config-file", str(folder / "quick.cfg")]
    attempt(cli.main)


for form in ("txt", "xml", "xmltei", "json", "csv", "markdown", "html"):
    attempt(lambda form=form: trafilatura.extract(HTML, output_format=form, with_metadata=True))
attempt(lambda: trafilatura.extract(HTML, output_format="xmltei", tei_validation=True))
attempt(lambda: trafilatura.bare_extraction(HTML, target_language="en", deduplicate=True))
attempt(lambda: trafilatura.fetch_url("https://example.org/"))
attempt(lambda: trafilatura.fetch_response("https://example.org/", with_headers=True))
attempt(lambda: downloads.is_live_page("https://example.org/"))
attempt(lambda: downloads.fetch_url("https://example.org/", no_ssl=True))
attempt(lambda: list(downloads.buffered_downloads(["https://example.org/a"], 2)))
attempt(lambda: feeds.find_feed_urls("https://example.org/"))
attempt(lambda: sitemaps.sitemap_search("https://example.org/"))
attempt(lambda: spider.focused_crawler("https://example.org/", max_seen_urls=1))
attempt(lambda: settings.use_config(str(folder / "none.cfg")))
attempt(lambda: xml.validate_tei(trafilatura.load_html(HTML)))
command("--input-dir", str(folder / "in"), "--output-dir", str(folder / "out"))
command("-u", "https://example.org/")
command("-i", str(folder / "urls.txt"), "-o", str(folder / "out2"), "--backup-dir", str(folder / "backup"))
command("--feed", "https://example.org/")
command("--crawl", "https://example.org/")
command("--probe", "https://example.org/")
command("-i", str(folder / "urls.txt"), "--blacklist", str(folder / "urls.txt"))
attempt(lambda: cli_utils.generate_filelist(str(folder)))
args = cli.parse_args(["-o", str(folder / "out3"), "--backup-dir", str(folder / "backup")])
attempt(lambda: cli_utils.write_result("text", args))
attempt(lambda: cli_utils.archive_html(HTML, args))
attempt(lambda: cli_utils.file_processing(str(folder / "in" / "a.html"), args))
