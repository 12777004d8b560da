"""Text of any kind in a column, also with a NUL in it, which PostgreSQL's own texts cannot hold."""

from __future__ import annotations

from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator

__all__ = ["AnyText"]


class AnyText(TypeDecorator[str]):
    """What people wrote, for the tables of projections; it is compared and ordered like the text itself.

    On PostgreSQL the two lowest characters are kept as pairs, which sort below all others and in their own order. A
    column of the log needs none of this: ids, writers and keys hold no NUL, and JSON escapes it.
    """

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Give what is stored."""
        if value is None or dialect.name != "postgresql" or not ("\0" in value or "\1" in value):
            return value
        return value.replace("\1", "\1\2").replace("\0", "\1\1")

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        """Give what was written."""
        if not isinstance(value, str) or dialect.name != "postgresql" or "\1" not in value:
            return value
        return value.replace("\1\1", "\0").replace("\1\2", "\1")
