"""What statements ask of the columns of the log in more than one place."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Dialect, Text, and_, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from ledger.store.tables import events, payloads

__all__ = ["BODY", "BODY_SIZE", "IS_STALE", "PAYLOAD_OF", "RAW_TIME", "octets"]


class _Octets(TypeDecorator[bytes]):
    """Bytes, also where the driver gives a text for them."""

    impl = Text
    cache_ok = True

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Give the bytes."""
        del dialect
        return value.encode() if type(value) is str else value


class octets(FunctionElement[bytes]):  # noqa: N801 - it reads as the function that it is
    """The bytes of a text, as they are stored."""

    type = _Octets()
    inherit_cache = True


@compiles(octets)
def _cast(element: FunctionElement[bytes], compiler: SQLCompiler, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(octets, "postgresql")
def _itself(element: FunctionElement[bytes], compiler: SQLCompiler, **options: Any) -> str:
    # A server keeps nothing but UTF-8 there, and sends bytes as hexadecimal digits: twice as much.
    return compiler.process(element.clauses, **options)


class _octet_count(FunctionElement[int]):  # noqa: N801 - it reads as the function that it is
    type = BigInteger()
    inherit_cache = True


@compiles(_octet_count)
def _length(element: FunctionElement[int], compiler: SQLCompiler, **options: Any) -> str:
    return f"length(CAST({compiler.process(element.clauses, **options)} AS BLOB))"


@compiles(_octet_count, "postgresql")
def _octet_length(element: FunctionElement[int], compiler: SQLCompiler, **options: Any) -> str:
    return f"octet_length({compiler.process(element.clauses, **options)})"


#: The payload of an event, as it is hashed. As bytes, so that one that is no UTF-8 any more is our error to explain.
BODY: ColumnElement[bytes] = octets(payloads.c.body)

#: How many bytes that are.
BODY_SIZE: ColumnElement[int] = _octet_count(payloads.c.body)

#: Joins each event with its payload.
PAYLOAD_OF = and_(payloads.c.session_uid == events.c.session_uid, payloads.c.version == events.c.version)
#: Whether the writer had not seen the save before this one; `Event.is_stale` says it of an event.
IS_STALE = events.c.base_version < events.c.version - 1
#: The time of an event by itself. Its effective time is the latest up to it, for times never run backwards.
RAW_TIME = func.coalesce(events.c.occurred_at, events.c.recorded_at)
