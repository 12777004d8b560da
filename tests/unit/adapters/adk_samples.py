"""Events as ADK stores them: of every kind that it makes, and any others."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

__all__ = ["EVENTS", "HISTORIES", "WAITING", "event"]

_TEXTS = st.text(max_size=8) | st.sampled_from(
    ["", "a long text that is worth not being stored twice, ever " * 2, "ja, natürlich\n"]
)
_SCALARS = st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2) | _TEXTS
_JSON = st.recursive(
    _SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
_OBJECTS = st.dictionaries(st.sampled_from(["result", "error", "status", "a/b", "x~y"]), _JSON, max_size=3)
_CALLS = st.sampled_from(["c1", "c2", "c3"])
_NAMES = st.sampled_from(
    ["ask_user", "adk_request_confirmation", "adk_request_input", "adk_request_credential", "look_up"]
)


def _fields(needed: dict[str, Any], **others: Any) -> Any:
    return st.fixed_dictionaries(needed, optional=others)


_PARTS = st.one_of(
    _fields({"text": _TEXTS}, thought=st.booleans(), thought_signature=st.just("c2ln")),
    _fields({"function_call": _fields({"name": _NAMES}, id=_CALLS, args=_OBJECTS)}, thought_signature=st.just("c2ln")),
    _fields({"function_response": _fields({"name": _NAMES}, id=_CALLS, response=_OBJECTS)}),
    _fields({"inline_data": st.just({"mime_type": "image/png", "data": "iVBORw0KGgo" * 20})}),
    _fields({"executable_code": st.just({"code": "print(1)\n" * 9, "language": "PYTHON"})}),
    _fields({"code_execution_result": st.just({"outcome": "OUTCOME_OK", "output": "1\n" * 40})}),
    _fields({"of_a_later_release": _JSON}),
    _JSON,
)

#: Any event, whatever it holds, under an id that `_numbered` gives it.
EVENTS = _fields(
    {"author": st.sampled_from(["user", "agent", ""]), "invocation_id": st.sampled_from(["i1", "i2", "i3"])},
    content=_fields({"parts": st.lists(_PARTS, max_size=4)}, role=st.sampled_from(["user", "model"])) | _JSON,
    timestamp=st.floats(0, 2e9) | _SCALARS,
    long_running_tool_ids=st.lists(_CALLS, max_size=2),
    branch=st.sampled_from(["agent", "flow@c1.agent", "flow@1.ask@c2"]),
    actions=_fields(
        {"state_delta": _OBJECTS},
        rewind_before_invocation_id=st.sampled_from(["i1", "i2", "i9"]),
        compaction=st.just({"compacted_content": {"parts": [{"text": "so far"}]}}),
    ),
    error_message=_TEXTS,
    output=_JSON,
    of_a_later_release=_JSON,
)


def _numbered(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**each, "id": f"e{number}"} for number, each in enumerate(events)]


#: The events of a session, each with an id of its own.
HISTORIES = st.lists(EVENTS, max_size=6).map(_numbered)

#: Those that ask, answer and rewind, and nothing that ADK would not take.
WAITING = st.lists(
    _fields(
        {"author": st.sampled_from(["user", "agent"]), "invocation_id": st.sampled_from(["i1", "i2", "i3"])},
        content=_fields(
            {
                "parts": st.lists(
                    _fields({"function_call": _fields({"name": _NAMES, "id": _CALLS})})
                    | _fields({"function_response": _fields({"name": _NAMES, "id": _CALLS})}),
                    max_size=2,
                )
            }
        ),
        long_running_tool_ids=st.lists(_CALLS, max_size=2),
        branch=st.sampled_from(["agent", "flow@c1.agent", "flow@1.ask@c2"]),
        actions=_fields({}, rewind_before_invocation_id=st.sampled_from(["i1", "i2", "i9"])),
    ),
    max_size=10,
).map(_numbered)


def event(*parts: dict[str, Any], author: str = "agent", event_id: str = "e1", **fields: Any) -> dict[str, Any]:
    """Make an event of these parts."""
    content = {"content": {"parts": list(parts), "role": "model"}} if parts else {}
    return {"id": event_id, "author": author, "invocation_id": "i1", "timestamp": 1700000000.5, **content, **fields}
