"""Tests of making hostile text harmless."""

import pytest

from checks.engine.report.text import escape, one_line, plain


@pytest.mark.parametrize("code", [0x00, 0x07, 0x1B, 0x7F, 0x9B, 0x200F, 0x202E, 0x2028, 0x2066, 0xD800, 0xFEFF, 0xFFFE])
def test_a_harmful_character_is_written_out(code: int) -> None:
    assert plain(f"a{chr(code)}b") == f"a⟨U+{code:04X}⟩b"


def test_ordinary_text_in_any_script_is_untouched() -> None:
    assert plain("ação 93 % → ≤ 日本\tx\ny") == "ação 93 % → ≤ 日本\tx\ny"


def test_one_line_gathers_white_space() -> None:
    assert one_line("  a\r\n\tb  ") == "a b"


def test_a_cut_text_says_how_long_it_was() -> None:
    assert one_line("x" * 1_000_000, 10) == "x" * 10 + "… (cut; 1000000 characters in all)"


@pytest.mark.parametrize(("length", "cut"), [(9, False), (10, False), (11, True)])
def test_the_limit_is_the_last_length_that_is_not_cut(length: int, cut: bool) -> None:
    assert ("cut" in plain("x" * length, 10)) is cut


def test_escape_is_harmless_in_an_attribute() -> None:
    assert escape("<a \"b' &") == "&lt;a &quot;b&#x27; &amp;"
