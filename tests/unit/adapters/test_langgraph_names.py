"""The ids of the sessions that hold a thread say which thread, namespace and branch they hold, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.langgraph_names import Line, thread_prefix

names = st.text(st.sampled_from("ab#%23:|🙂/ "), max_size=8)
lines = st.builds(Line, names, names, st.integers(1, 12))


@given(lines, lines)
def test_two_lines_never_have_one_id(one: Line, other: Line) -> None:
    """Whatever stands in the names, also what ids are put together with; and an id tells its line."""
    assert (one == other) == (one.session_id == other.session_id)
    assert one == Line.of(one.session_id)


@given(lines, names, names)
def test_a_prefix_finds_what_it_is_for(line: Line, thread: str, namespace: str) -> None:
    """All of a thread but its first session, and all of a namespace but its first branch; nothing of any other."""
    is_first = line.namespace == "" and line.branch == 1

    assert line.session_id.startswith(thread_prefix(thread)) == (line.thread == thread and not is_first)
    others = Line(thread, namespace).others_prefix
    assert line.session_id.startswith(others) == (line[:2] == (thread, namespace) and line.branch > 1)


@pytest.mark.parametrize("session_id", ["a#b#c", "a#b#0", "a#b#1", "a##", "a#b#2#3", "100%", "a#b#02"])
def test_other_ids_are_no_lines(session_id: str) -> None:
    """A ledger may hold sessions of many programs."""
    assert Line.of(session_id) is None
