import pytest

from ledger.cli.tables import Column, table_lines

COLUMNS = (Column("SESSION", elastic=True), Column("TITLE", elastic=True), Column("SAVES", "right"), Column("UPDATED"))
ROW = ("491e126e-1e71-469c-ade2-fcc8af567c74", "A title of some length", "1,234", "2026-02-10T21:55:43Z")


@pytest.fixture(autouse=True)
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")


def test_text_that_does_not_fit_is_shortened_and_says_so() -> None:
    """In a narrow terminal the elastic columns give way, with an ellipsis; numbers and times never do."""
    _, line = table_lines(COLUMNS, [ROW])

    assert len(line) <= 60
    assert line.endswith("1,234  2026-02-10T21:55:43Z")
    assert 2 == line.count("…")


def test_nothing_is_shortened_where_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wide terminal shows everything."""
    monkeypatch.setenv("COLUMNS", "200")

    assert list(ROW) == [cell.strip() for cell in table_lines(COLUMNS, [ROW])[1].split("  ") if cell.strip()]


def test_what_a_session_holds_is_no_markup() -> None:
    """Brackets are text, not rich's colours."""
    assert "[bold]x[/bold]" in table_lines([Column("TITLE", elastic=True)], [("[bold]x[/bold]",)])[1]


def test_what_a_session_holds_is_no_terminal_command() -> None:
    """Control characters are spelled out."""
    assert r"\x1b[2J" in table_lines([Column("TITLE", elastic=True)], [("\x1b[2J",)])[1]


def test_lines_carry_no_spaces_at_their_end() -> None:
    """What is copied from a table is what one sees."""
    lines = table_lines(COLUMNS, [ROW, ("s1", "", "1", "")])

    assert [line.rstrip() for line in lines] == lines


def test_a_long_title_of_a_number_is_folded_before_the_number_is_cut() -> None:
    """Half a number would be another number."""
    lines = table_lines([Column("cache creation input tokens", "right", elastic=True)] * 3, [("11,618,567,000",) * 3])

    assert 3 == lines[-1].count("11,618,567,000")
