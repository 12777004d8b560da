"""JMESPath expressions over the JSON of a session: read from the command line, and evaluated state by state."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from ledger.cli.output import counted, readable, width

if TYPE_CHECKING:
    from ledger.domain.parts import Message
    from ledger.domain.session import Session

__all__ = ["EXPRESSION", "Documents", "Expression", "MalformedExpression", "Unevaluable", "is_true"]


class MalformedExpression(click.UsageError):
    """What stands on the command line is no JMESPath expression; the message points at the place."""

    def __init__(self, expression: str, position: int, problem: str) -> None:
        self.expression = expression
        self.position = position
        self.problem = problem
        super().__init__(f"this is no JMESPath expression: {problem}\n{_pointed_at(expression, position)}")


class Unevaluable(Exception):
    """An expression has no value over one state: a function met a value that it does not take."""


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression that was read, as it was written."""

    text: str
    parsed: Any

    def value(self, document: Any) -> Any:
        """Give its value over a document. Where there is no session, the document is null, and functions give null.

        Raises:
            Unevaluable: if it has none.
        """
        import jmespath.exceptions

        try:
            return self.parsed.search(document)
        except jmespath.exceptions.JMESPathTypeError as error:
            if document is None:
                return None
            takes = " or ".join(str(kind) for kind in error.expected_types)
            raise Unevaluable(f"{error.function_name}() takes {takes}, not {error.actual_type}") from error
        except (jmespath.exceptions.JMESPathError, ArithmeticError, TypeError, ValueError) as error:
            raise Unevaluable(str(error)) from error


def is_true(value: Any) -> bool:
    """Tell what JMESPath takes for true: everything but false, null, and what is empty. So 0 is true."""
    return value is not None and value is not False and value not in ("", [], {})


class _ExpressionType(click.ParamType[Expression]):
    name = "expr"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Expression:
        del param
        if isinstance(value, Expression):
            return value
        try:
            return read_expression(value)
        except MalformedExpression as error:
            error.ctx = ctx
            raise


#: A parameter that holds an expression.
EXPRESSION = _ExpressionType()


def read_expression(text: str) -> Expression:
    """Read an expression.

    Raises:
        MalformedExpression: if it is none, or calls a function that there is not, or not with what it takes.
    """
    import jmespath
    import jmespath.exceptions

    try:
        parsed = jmespath.compile(text)
    except jmespath.exceptions.EmptyExpressionError as error:
        raise MalformedExpression(text, 0, "it is empty") from error
    except jmespath.exceptions.IncompleteExpressionError as error:
        raise MalformedExpression(text, len(text), "it ends too early") from error
    except jmespath.exceptions.LexerError as error:
        raise MalformedExpression(text, error.lexer_position, error.message[:1].lower() + error.message[1:]) from error
    except jmespath.exceptions.ParseError as error:
        problem = "this is not expected here"
        if error.token_type == "NUMBER":  # noqa: S105 - of a grammar
            problem += f" (a number is written `{error.token_value}`, with the backticks)"
        raise MalformedExpression(text, error.lex_position, problem) from error
    except RecursionError as error:
        raise MalformedExpression(text, 0, "it is nested too deeply") from error
    _check_calls(text, parsed.parsed)
    return Expression(text, parsed)


def _check_calls(text: str, node: Any) -> None:
    """Refuse, before any state is loaded, a call that no state could answer."""
    from jmespath.functions import Functions

    if not isinstance(node, dict):
        return
    if node["type"] == "function_expression":
        name, given = node["value"], len(node["children"])
        known = Functions.FUNCTION_TABLE.get(name)
        found = re.search(rf"\b{re.escape(name)}\s*\(", text)
        position = found.start() if found else 0
        if known is None:
            raise MalformedExpression(text, position, f"there is no function {name}()")
        takes = len(known["signature"])
        variadic = takes > 0 and known["signature"][-1].get("variadic", False)
        if given < takes or (given > takes and not variadic):
            least = "at least " if variadic else ""
            raise MalformedExpression(
                text, position, f"{name}() takes {least}{counted(takes, 'argument')}, not {given}"
            )
    for child in node["children"]:
        _check_calls(text, child)


def _pointed_at(expression: str, position: int) -> str:
    """Give an expression on a line, and a line with a caret below the place; of a long one, what stands around it."""
    from rich.cells import cell_len

    line = "".join(character if character.isprintable() else " " for character in expression)
    room = max(width() - 4, 20)
    start = max(0, min(position - room // 2, len(line) - room))
    before, shown = line[start:position], line[start : start + room]
    return f"  {readable(shown)}\n  {' ' * cell_len(before)}^"


class Documents:
    """Makes sessions into JSON documents, one after the other; what two of them share is converted once."""

    def __init__(self) -> None:
        self._messages: dict[int, tuple[Message, Any]] = {}

    def of(self, session: Session | None) -> Any:
        """Give the document of a session, which nobody may change; null where there is none."""
        if session is None:
            return None
        known = self._messages
        # By identity: an unchanged message is the same object in every version, and the one that is held keeps its id.
        self._messages = {
            id(message): known.get(id(message)) or (message, message.model_dump(mode="json"))
            for message in session.messages
        }
        rest = session.model_dump(mode="json", exclude={"messages"})
        messages = [document for _, document in self._messages.values()]
        return {name: messages if name == "messages" else rest[name] for name in type(session).model_fields}
