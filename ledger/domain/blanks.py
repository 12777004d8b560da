"""What stands where something was blanked: of each kind of value one that still decodes and folds. Pure.

Each function blanks in place what `rest` means inside a value (all of it, where nothing is left of the path), and gives
the value that stands there afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from ledger.domain.redaction_paths import ANY, MESSAGE_FIELDS, QUESTION_FIELDS

__all__ = [
    "BLANK_TEXT",
    "Blank",
    "blank_flag",
    "blank_items",
    "blank_json",
    "blank_message",
    "blank_question",
    "blank_record",
    "blank_text",
]

BLANK_TEXT = "[redacted]"

Blank = Callable[[Any, Sequence[str]], Any]


def blank_text(value: Any, rest: Sequence[str]) -> Any:
    """Blank a text, or leave the null that stands for none."""
    return BLANK_TEXT if isinstance(value, str) and not rest else value


def blank_flag(value: Any, rest: Sequence[str]) -> Any:
    """Blank a yes or no that may not be null."""
    return False if not rest else value


def blank_json(value: Any, rest: Sequence[str]) -> Any:
    """Blank free JSON: text becomes a mark, anything else null."""
    return _walked(value, rest, _gone)


def blank_record(value: Any, rest: Sequence[str]) -> Any:
    """Blank what a record keeps of a change that did not stand: null would say that it was a removal."""
    return _walked(value, rest, lambda item: None if item is None else BLANK_TEXT, exact=False)


def blank_items(values: Any, rest: Sequence[str]) -> Any:
    """Blank what a list grew by. Which places its items got is not known here, so a number means each of them."""
    if rest and rest[0] != ANY and not rest[0].isdecimal():
        return values
    return [blank_json(item, rest[1:]) for item in values]


def blank_message(message: Any, rest: Sequence[str]) -> Any:
    """Blank a message; as a whole, all but its id, its time, who speaks, and which call it belongs to."""
    return _fields(message, rest, _MESSAGE, ("role", "tool_call_id"))


def blank_question(question: Any, rest: Sequence[str]) -> Any:
    """Blank a question, or what a record keeps of how it ended; as a whole, all but its kind and where it stands."""
    return _fields(question, rest, _QUESTION, ("kind",))


def _gone(value: Any) -> Any:
    return BLANK_TEXT if isinstance(value, str) else None


def _walked(value: Any, rest: Sequence[str], gone: Callable[[Any], Any], *, exact: bool = True) -> Any:
    if not rest:
        return gone(value)
    token = rest[0]
    if isinstance(value, dict):
        for key in value if token == ANY else value.keys() & {token}:
            value[key] = _walked(value[key], rest[1:], gone, exact=exact)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            if token in (ANY, str(place)) or (not exact and token.isdecimal()):
                value[place] = _walked(item, rest[1:], gone, exact=exact)
    return value


def _fields(part: Any, rest: Sequence[str], blanks: Mapping[str, Blank], kept: Iterable[str]) -> Any:
    if not isinstance(part, dict):
        return part
    named = [name for name in blanks if name in part]
    if not rest:
        named = [name for name in named if name not in kept]
    elif rest[0] != ANY:
        named = [name for name in named if name == rest[0] or (name == "by" and rest[0] == "resolved_by")]
    for name in named:
        part[name] = blanks[name](part[name], rest[1:])
    return part


def _inside(empty: Callable[[], Any]) -> Blank:
    def blank(value: Any, rest: Sequence[str]) -> Any:
        return blank_json(value, rest) if rest else empty()

    return blank


def _nothing(value: Any, rest: Sequence[str]) -> Any:
    return blank_json(value, rest) if rest else None


def _calls(calls: Any, rest: Sequence[str]) -> Any:
    for place, call in enumerate(calls):
        # The id stays: it joins the result, and the question, to the call.
        if not rest or rest[0] in (ANY, str(place), call.get("id")):
            _fields(call, rest[1:], _CALL, ())
    return calls


def _options(options: Any, rest: Sequence[str]) -> Any:
    if not rest:
        return []
    for place, option in enumerate(options):
        if rest[0] in (ANY, str(place)):
            whole = isinstance(option, str) or not rest[1:]
            options[place] = BLANK_TEXT if whole else blank_json(option, rest[1:])
    return options


_CALL: dict[str, Blank] = {"name": blank_text, "arguments": blank_json}
_MESSAGE: dict[str, Blank] = {
    **dict.fromkeys(MESSAGE_FIELDS, blank_text),
    "parts": _inside(list),
    "tool_calls": _calls,
    "tool_success": _nothing,
    "metadata": _inside(dict),
    "native": _nothing,
}
_QUESTION: dict[str, Blank] = {
    **dict.fromkeys(QUESTION_FIELDS, blank_text),
    "options": _options,
    "answer": blank_json,
    "by": blank_text,  # as the record of an outcome has it
}
