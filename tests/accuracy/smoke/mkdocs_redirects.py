"""Build the redirects of a small site."""

import tempfile
from contextlib import suppress
from pathlib import Path

from mkdocs.structure.files import File, Files
from mkdocs_redirects import plugin

site = Path(tempfile.mkdtemp())
redirects = plugin.RedirectPlugin()
redirects.config = {"redirect_maps": {"old.md": "index.md", "gone/a.md": "https://example.org/", "x": "none.md"}}
redirects.on_files(Files([File("index.md", str(site), str(site), True)]), {})
redirects.on_post_build({"site_dir": str(site), "use_directory_urls": True})
with suppress(Exception):
    plugin.write_html(str(site), "deep/er/page.html", "../index.html")
