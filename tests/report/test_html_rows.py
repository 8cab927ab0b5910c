"""Tests of pytest-html's cells: everything that comes in goes out as text."""

from html.parser import HTMLParser

from checks.engine.model import State
from checks.engine.report.html_rows import detail_lines, emergency_line, header_cells, row_cells
from tests.report.made import hostile, ordinary
from tests.report.made import result as made_result


class Tags(HTMLParser):
    """Every tag that a browser would see."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        """Remember the tag."""
        self.tags.add(tag)


def test_hostile_results_bring_no_tag_of_their_own() -> None:
    parser = Tags()
    for result in hostile().results:
        parser.feed("".join([*row_cells(result), *detail_lines(result)]))
    assert parser.tags == {"td", "strong", "br", "div"}


def test_there_are_five_columns_in_both_languages() -> None:
    for language in ("en", "pt-BR"):
        assert len(header_cells(language)) == 5
        assert len(row_cells(ordinary().results[0], language)) == 5


def test_the_top_of_the_page_says_that_emergency_mode_is_on_and_nothing_when_it_is_off() -> None:
    on, off = (made_result("emergency-mode", "cache", state, "cache: <is on>") for state in (State.WAIVED, State.OK))
    assert emergency_line([on]) == "<p><b>EMERGENCY MODE IS ON:</b> cache: &lt;is on&gt;</p>"
    assert emergency_line([off]) == ""
