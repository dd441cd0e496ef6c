import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from theodore_plugin.report.visible import visible


@given(st.text())
def test_nothing_that_moves_hides_or_reorders_remains(text):
    shown = visible(text)
    assert not any(unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"} for character in shown)


@given(st.text(st.characters(whitelist_categories=["Lu", "Ll", "Nd", "Po"], whitelist_characters=" ")))
def test_ordinary_text_is_left_alone(text):
    assert visible(text) == text


def test_newlines_stay_only_on_request():
    assert visible("a\nb\tc") == "a<U+000A>b    c"
    assert visible("a\nb", keep_newlines=True) == "a\nb"
