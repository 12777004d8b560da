"""What a search asks of a version: an expression over its JSON, or a command that reads it."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Protocol

import click

from ledger.cli.exit_codes import USAGE
from ledger.cli.expressions import Expression, Unevaluable, is_true

if TYPE_CHECKING:
    from ledger.domain.revisions import Place
    from ledger.domain.session import Session

__all__ = ["CommandCrashed", "CommandJudge", "ExpressionJudge", "Judge"]

#: As for `git bisect run`: nothing can be said of this one; and what lies above is no verdict.
SKIPS = 125
LAST_VERDICT = 127
INTERRUPTED = 130
#: Of this process: whoever parses the outcome on standard output must not meet what the command says.
_STANDARD_ERROR = 2


class Judge(Protocol):
    """Asks one thing of each version. What it finds is JSON; a verdict is what the search compares."""

    @property
    def sought(self) -> dict[str, Any]:
        """What is asked, for the outcome as JSON."""

    def judge(self, place: Place, session: Session | None) -> Any:
        """Give what is found of a version; the session is `None` where it was deleted."""

    def verdict(self, found: Any) -> bool | None:
        """Give what it comes to, `None` for no verdict."""

    def where(self, found: Any) -> str:
        """Say where a version is found so: "where …"."""

    def at_both(self, found: Any) -> str:
        """Say that both ends are found so: "… at both ends"."""

    def change(self, before: Any, after: Any) -> str:
        """Say what changed, or nothing where `where` says it all."""


class ExpressionJudge:
    """Asks whether an expression is true."""

    def __init__(self, expression: Expression) -> None:
        self._expression = expression
        self.sought = {"expression": expression.text}

    def judge(self, place: Place, session: Session | None) -> Any:
        """Give the value of the expression.

        Raises:
            UsageError: if it has none, naming the version: neither true nor false would be right.
        """
        try:
            return self._expression.value(None if session is None else session.model_dump(mode="json"))
        except Unevaluable as error:
            raise click.UsageError(
                f"the expression has no value at {place}: {error}; say what it is there, such as (a || b)"
            ) from error

    def verdict(self, found: Any) -> bool:
        """Give its truth."""
        return is_true(found)

    def where(self, found: Any) -> str:
        """Say whether it is true."""
        return f"where the expression is {_truth(found)}"

    def at_both(self, found: Any) -> str:
        """Say whether it is true at both ends."""
        return f"the expression is {_truth(found)} at both ends"

    def change(self, before: Any, after: Any) -> str:
        """Give the value, and what it was before."""
        return f"{self._expression.text} = {_json(after)} (was {_json(before)})"


class CommandCrashed(click.ClickException):
    """The command ended otherwise than with a verdict."""

    exit_code = USAGE

    def __init__(self, place: Place, returned: int) -> None:
        self.session_id = place.session_id
        self.version = place.version
        self.returned = returned
        how = f"was ended by {signal.Signals(-returned).name}" if returned < 0 else f"exited with {returned}"
        super().__init__(
            f"the command {how} at {place}, which is no verdict: it says 0 for good, 1 to {LAST_VERDICT} for bad, "
            f"{SKIPS} to skip a version"
        )


class CommandJudge:
    """Asks a command, which reads the session's JSON and answers by its exit code."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self.sought = {"command": list(command)}

    def judge(self, place: Place, session: Session | None) -> int:
        """Give its exit code.

        Raises:
            UsageError: if it cannot be run.
            CommandCrashed: if it ended with no verdict.
        """
        document = None if session is None else session.model_dump(mode="json")
        try:
            ran = subprocess.run(  # noqa: S603 - what the caller asked for
                self._command, input=(_json(document) + "\n").encode(), stdout=_STANDARD_ERROR, check=False
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise click.UsageError(f"the command {self._command[0]!r} cannot be run: {why}") from error
        if ran.returncode in {INTERRUPTED, -signal.SIGINT}:
            raise KeyboardInterrupt
        if not 0 <= ran.returncode <= LAST_VERDICT:
            raise CommandCrashed(place, ran.returncode)
        return ran.returncode

    def verdict(self, found: int) -> bool | None:
        """Give whether it passed, or nothing where it skipped the version."""
        return None if found == SKIPS else found == 0

    def where(self, found: int) -> str:
        """Say whether it passes."""
        return f"where the command {_passing(found)}"

    def at_both(self, found: int) -> str:
        """Say whether it passes at both ends."""
        return f"the command {_passing(found)} at both ends"

    def change(self, before: int, after: int) -> str:
        """Say nothing: that it passes or fails is all that there is."""
        del before, after
        return ""


def _truth(value: Any) -> str:
    return "true" if is_true(value) else "false"


def _passing(code: int) -> str:
    return "passes" if code == 0 else f"fails with {code}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
