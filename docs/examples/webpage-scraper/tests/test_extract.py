from webpage_scraper.extract import extract


def test_prefers_main_over_everything_else() -> None:
    page = extract("<title>T</title><body><nav>menu</nav><main><p>Hello</p><p>world</p></main></body>")
    assert page.title == "T"
    assert page.text == "Hello\nworld"


def test_scripts_and_styles_are_not_text() -> None:
    assert extract("<body><script>x=1</script><style>p{}</style><p>kept</p></body>").text == "kept"


def test_broken_html_is_still_read() -> None:
    assert extract("<p>unclosed <b>bold").text == "unclosed\nbold"


def test_an_empty_document_has_no_text() -> None:
    assert extract("").text == ""


def test_links_are_absolute_and_in_page_order() -> None:
    page = extract('<a href="/b">b</a><a href="c.html">c</a>', base_url="http://example.org/a/index.html")
    assert page.links == ("http://example.org/b", "http://example.org/a/c.html")
