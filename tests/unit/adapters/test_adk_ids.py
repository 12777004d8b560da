"""What ADK's sessions are called in a ledger."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.adapters.adk_ids import Named, named, prefix

_TEXTS = st.text(max_size=6) | st.sampled_from(
    ["", "/", "%", "%2F", "a/b", "adk", "\0", "ann lee", "'\"", "🙂", "x" * 1000]
)
_NAMES = st.builds(Named, _TEXTS, _TEXTS, _TEXTS)


@given(name=_NAMES)
def test_a_name_can_be_told_from_its_id(name: Named) -> None:
    """Whatever text they are, app, user and session come back from the id."""
    assert name == named(name.ledger_id)


@given(one=_NAMES, other=_NAMES)
def test_no_two_are_called_the_same(one: Named, other: Named) -> None:
    """Two sessions have one id only if they are one; what is shared has an id that no session has."""
    assert (one == other) == (one.ledger_id == other.ledger_id)
    assert (one[:1] == other[:1]) == (one.app_state == other.app_state)
    assert (one[:2] == other[:2]) == (one.user_state == other.user_state)
    assert 3 == len({one.ledger_id, one.app_state, one.user_state})
    assert one.app_state != other.user_state
    assert named(one.app_state) is named(one.user_state) is None


@given(name=_NAMES, other=_NAMES)
def test_a_prefix_finds_an_apps_or_a_users_sessions(name: Named, other: Named) -> None:
    """The sessions whose ids begin so are those of the app, or of the user, and no others."""
    assert (name.app_name == other.app_name) == other.ledger_id.startswith(prefix(name.app_name))
    assert (name[:2] == other[:2]) == other.ledger_id.startswith(prefix(name.app_name, name.user_id))


@pytest.mark.parametrize("other", ["s1", "adk", "adk/a/b", "adk/a/b/c/d", "adk-state/a/b", ""])
def test_other_ids_are_none_of_adks(other: str) -> None:
    """What was saved without ADK is no session of it."""
    assert named(other) is None


def test_an_id_can_be_read() -> None:
    """People type ids, so what needs no escaping has none."""
    assert "adk/shop/ann lee/s%2F1" == Named("shop", "ann lee", "s/1").ledger_id
    assert "adk-state/shop" == Named("shop", "ann", "s1").app_state
    assert "adk-state/shop/ann" == Named("shop", "ann", "s1").user_state
