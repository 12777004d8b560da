"""The ids under which ADK's sessions stand in a ledger, and the state that its apps and users share. Pure.

====================================  ==========================
``adk/APP/USER/SESSION``              a session
``adk-state/APP``                     the state of an app
``adk-state/APP/USER``                the state of a user of it
====================================  ==========================

In each part, what would end it or could not be stored is written with a percent sign, so that no two are the same.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Named", "named", "prefix"]

SESSIONS = "adk"
STATES = "adk-state"

#: In this order: the sign itself first.
_ESCAPES = (("%", "%25"), ("/", "%2F"), ("\0", "%00"))


class Named(NamedTuple):
    """What ADK calls a session.

    >>> Named("shop", "ann/lee", "s1").ledger_id
    'adk/shop/ann%2Flee/s1'
    """

    app_name: str
    user_id: str
    session_id: str

    @property
    def ledger_id(self) -> str:
        """The session, as the ledger calls it."""
        return _joined(SESSIONS, *self)

    @property
    def app_state(self) -> str:
        """What holds the state that all users of the app share."""
        return _joined(STATES, self.app_name)

    @property
    def user_state(self) -> str:
        """What holds the state that all sessions of the user share."""
        return _joined(STATES, self.app_name, self.user_id)


def prefix(app_name: str, user_id: str | None = None) -> str:
    """Give what the ids of an app's sessions begin with, or of one of its users'."""
    return _joined(SESSIONS, app_name, *([] if user_id is None else [user_id]), "")


def named(ledger_id: str) -> Named | None:
    """Give what ADK calls the session of an id; `None` if it is none of ADK's.

    >>> named("adk/shop/ann%2Flee/s1")
    Named(app_name='shop', user_id='ann/lee', session_id='s1')
    """
    space, *parts = ledger_id.split("/")
    return Named(*map(_read, parts)) if space == SESSIONS and len(parts) == len(Named._fields) else None


def _joined(*parts: str) -> str:
    return "/".join(map(_written, parts))


def _written(part: str) -> str:
    for sign, escape in _ESCAPES:
        part = part.replace(sign, escape)
    return part


def _read(part: str) -> str:
    for sign, escape in reversed(_ESCAPES):
        part = part.replace(escape, sign)
    return part
