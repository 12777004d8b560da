"""Copies of a session that cost next to nothing: the parts are shared, everything that can be changed is not. Pure."""

from __future__ import annotations

from ledger.domain.frozen import copy_json
from ledger.domain.receipt import Receipt
from ledger.domain.session import Session, session_of, tracking_of

__all__ = ["as_saved", "own"]


def own(session: Session) -> Session:
    """Give an independent copy that remembers the same base and the same unsettled save; nothing in it is checked."""
    fields = dict(session.__dict__)
    fields["messages"] = list(session.messages)
    fields["questions"] = dict(session.questions)
    for name in ("metadata", "state", "summary", "forked_from"):
        fields[name] = copy_json(fields[name])
    copy = type(session).model_construct(**fields)
    copy._tracking = tracking_of(session).copy()  # noqa: SLF001 - the one way to it from outside
    return copy


def as_saved(session: Session, receipt: Receipt | None) -> Session:
    """Give the session as its save left it in the log, without what was edited meanwhile.

    A persistence that is no ledger may leave neither base nor receipt; then what the session holds is what was saved.
    """
    base = tracking_of(session).base
    if base is None or receipt is None or not base.alive:
        return own(session)
    return session_of(base) if base.version == session.version >= receipt.version else own(session)
