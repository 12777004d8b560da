"""What ADK keeps as state: whose it is, by the beginning of its key, and as which JSON it is stored. Needs no ADK."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_jsonable_python

from ledger.domain.values import thaw
from ledger.errors import InvalidSession
from ledger.telemetry import get_logger

__all__ = ["Delta", "delta_of", "event_json", "merged"]

APP = "app:"
USER = "user:"
TEMPORARY = "temp:"

_log = get_logger(__name__)


class Delta(NamedTuple):
    """What changes in the state of an app, of a user, and of a session; keys without their prefix."""

    app: dict[str, Any]
    user: dict[str, Any]
    session: dict[str, Any]


def delta_of(state: Mapping[str, Any]) -> Delta:
    """Tell the scopes of a state apart; what is temporary is left out. The values are JSON of the caller's own.

    What is no JSON is written as ADK's own stores write it: pydantic's way, and where that has none, as its `repr`.
    """
    delta = Delta({}, {}, {})
    for key, value in state.items():
        if key.startswith(APP):
            delta.app[key.removeprefix(APP)] = value
        elif key.startswith(USER):
            delta.user[key.removeprefix(USER)] = value
        elif not key.startswith(TEMPORARY):
            delta.session[key] = value
    return Delta(*(_json_of(scope) for scope in delta))


def _json_of(values: dict[str, Any]) -> dict[str, Any]:
    if not values:
        return {}
    try:
        return dict(to_jsonable_python(values))
    except (PydanticSerializationError, ValueError) as error:
        _log.warning("state_stored_as_repr", keys=list(values), reason=str(error))
        return dict(to_jsonable_python(values, serialize_unknown=True))


def merged(app: Mapping[str, Any], user: Mapping[str, Any], session: Mapping[str, Any]) -> dict[str, Any]:
    """Give the state that an agent sees, which is the caller's own."""
    state: dict[str, Any] = thaw(session)
    for prefix, scope in ((APP, app), (USER, user)):
        state.update((prefix + key, thaw(value)) for key, value in scope.items())
    return state


def event_json(event: BaseModel, session_id: str) -> dict[str, Any]:
    """Give an event as ADK's own stores write it.

    Raises:
        InvalidSession: if something in it is no JSON; it names the place.
    """
    try:
        return event.model_dump(exclude_none=True, mode="json")
    except (PydanticSerializationError, ValueError) as error:
        path, kind = next(_not_json(event.model_dump(exclude_none=True), ""), ("", type(event).__name__))
        raise InvalidSession(f"a {kind}, which is no JSON", path=path, session_id=session_id) from error


def _not_json(value: Any, path: str) -> Iterator[tuple[str, str]]:
    """Give the places of what cannot be written, and its type."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _not_json(item, f"{path}/{key}")
    elif isinstance(value, list | tuple | set | frozenset):
        for place, item in enumerate(value):
            yield from _not_json(item, f"{path}/{place}")
    else:
        try:
            to_jsonable_python(value)
        except (PydanticSerializationError, ValueError):
            yield path, type(value).__name__
