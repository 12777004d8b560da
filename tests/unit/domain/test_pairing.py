"""A history is given in an order that a provider accepts: each result right behind its call."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger import Message, Session, ToolCall

CANCELLED = "Cancelled: this call has no recorded result."


def calls(*ids: str, message_id: str | None = None) -> Message:
    """Make a message of the model that makes these calls."""
    fields = {} if message_id is None else {"id": message_id}
    return Message.assistant(tool_calls=[ToolCall(id=each, name="tool") for each in ids], **fields)


def session_of(*messages: Message) -> Session:
    """Make a session of these messages."""
    session = Session.new("s1", model="gpt-5")
    session.messages.extend(messages)
    return session


few_ids = st.sampled_from(["a", "b", "c"])
histories = st.lists(
    st.one_of(
        st.builds(Message.user, st.just("hello")),
        st.builds(Message.assistant, st.just("hi")),
        st.lists(few_ids, min_size=1, max_size=3).map(lambda ids: calls(*ids)),
        st.builds(Message.tool, st.just("result"), few_ids),
        st.just("nobody").map(lambda _: Message(role="tool", content="of no call")),
    ),
    max_size=12,
)


@given(histories, st.lists(few_ids, max_size=3))
def test_every_call_is_followed_by_one_result(messages: list[Message], asked: list[str]) -> None:
    """Each at once, in the order of the calls; and a result follows no other message."""
    session = session_of(*messages)
    for call_id in asked:
        session.ask(call_id, f"What of {call_id}?")
    expected: list[str] = []
    for message in session.for_model():
        if message.role == "tool":
            assert expected.pop(0) == message.tool_call_id
        else:
            assert not expected
            expected = [call.id for call in message.tool_calls]

    assert not expected


@given(histories)
def test_everything_else_is_as_it_was(messages: list[Message]) -> None:
    """The other messages are the session's own, in their order; and the session holds what it held."""
    session = session_of(*messages)
    given_to_model = session.for_model()

    assert [m.id for m in messages if m.role != "tool"] == [m.id for m in given_to_model if m.role != "tool"]
    assert messages == session.messages
    assert len({message.id for message in given_to_model}) == len(given_to_model)


@given(histories)
def test_a_result_is_given_once_and_to_a_call_of_its_id(messages: list[Message]) -> None:
    """The results that are given are those of the session, or say that there is none."""
    session = session_of(*messages)
    own = {message.id for message in messages}
    for message in session.for_model():
        if message.role == "tool" and message.id not in own:
            assert CANCELLED == message.content


@given(histories)
def test_what_is_paired_already_stays_as_it_is(messages: list[Message]) -> None:
    """To pair twice is to pair once."""
    once = session_of(*messages).for_model()

    assert once == session_of(*once).for_model()


def test_a_late_result_moves_to_its_call() -> None:
    """A person may speak before the tool is done."""
    call, spoken, result = calls("a"), Message.user("hurry"), Message.tool("done", "a")

    assert [call, result, spoken] == session_of(call, spoken, result).for_model()


def test_calls_of_one_message_keep_their_order() -> None:
    """Their results may come in any."""
    both, second, first = calls("a", "b"), Message.tool("2", "b"), Message.tool("1", "a")

    assert [both, first, second] == session_of(both, second, first).for_model()


def test_an_id_that_is_used_again_is_another_call() -> None:
    """Some providers count their calls from one in every turn."""
    one, result, two, again = calls("a"), Message.tool("1", "a"), calls("a"), Message.tool("2", "a")

    assert [one, result, two, again] == session_of(one, result, two, again).for_model()
    assert ["1", CANCELLED] == [m.content for m in session_of(one, result, two).for_model() if m.role == "tool"]


def test_of_two_results_the_last_is_given() -> None:
    """A retry that was recorded twice ended with the second."""
    call, first, last = calls("a"), Message.tool("1", "a"), Message.tool("2", "a")

    assert [call, last] == session_of(call, first, last).for_model()


def test_a_result_without_a_call_is_left_out() -> None:
    """No provider takes it."""
    assert [] == session_of(Message.tool("1", "a"), Message(role="tool", content="?")).for_model()


def test_a_call_that_waits_says_for_what() -> None:
    """All of its questions, and only those that are open."""
    session = session_of(calls("a"))
    session.ask("a", "Where?")
    session.ask("a", "When?")
    session.ask("a", "Why?")
    session.answer("a#2", "because")

    assert "Pending: the call waits for an answer: Where?; When?" == session.for_model()[1].content


def test_only_the_last_call_of_an_id_waits() -> None:
    """An open question is of the call that was made last."""
    session = session_of(calls("a"), Message.user("again"), calls("a"))
    session.ask("a", "Where?")

    assert [CANCELLED, "Pending: the call waits for an answer: Where?"] == [
        message.content for message in session.for_model() if message.role == "tool"
    ]


@pytest.mark.parametrize("times", [2, 3])
def test_one_message_may_use_an_id_twice(times: int) -> None:
    """Its calls are answered in their order; what is left of them was cancelled."""
    result = Message.tool("1", "a")
    given_to_model = session_of(calls(*["a"] * times), result).for_model()

    assert [result.content] + [CANCELLED] * (times - 1) == [message.content for message in given_to_model[1:]]
