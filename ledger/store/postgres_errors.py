"""What PostgreSQL says in its codes and its driver in its own words, as one sentence with what to do."""

from __future__ import annotations

import re

from ledger.errors import StorageError

__all__ = ["is_refusal", "translate"]


def translate(error: BaseException | None, place: str, timeout_s: float, user: str | None) -> StorageError:
    """Say in one sentence what went wrong, and what to do.

    Args:
        error: the driver's.
        place: of the database, without a password.
        timeout_s: how long a transaction may wait.
        user: who is connected, if the URL says so.
    """
    if isinstance(error, StorageError):
        return error
    code = getattr(error, "sqlstate", None) or ""
    text = str(error)
    first = text.strip().partition("\n")[0]
    values = {"place": place, "timeout": f"{timeout_s:g}", "role": user or "the role", "said": first}
    for sign, problem, hint in _BY_CODE:
        if code and code.startswith(sign):
            passing = code.startswith(_PASSING)
            return StorageError(problem.format(**values), hint.format(**values), passing=passing)
    for pattern, problem, hint in _BY_WORDS:
        if not code and re.search(pattern, text):
            passing = None if hint in (_BACK, _HEARD) else hint in (_AGAIN, _TO_REACH, "try again")
            return StorageError(problem.format(**values), hint.format(**values), passing=passing)
    return StorageError(f"the database at {place} failed: {first}")


def is_refusal(error: BaseException) -> bool:
    """Tell whether the server refused what a statement would have written: values, or a guard of the log."""
    code = getattr(error, "sqlstate", None) or ""
    return code.startswith(_REFUSING)


#: Codes of what goes by itself: a server that is away or stops, a transaction that met another one.
_PASSING = ("08", "57P", "40001", "40P01", "53300")
#: Codes of what lies in the values that were given.
_REFUSING = ("21", "22", "23", "54", "LG", "P0")

_GONE = "the server of {place} went away in the middle ({said})"
_AGAIN = "try again: what was saved meanwhile is found by its event id"
_BACK = "start one, or change synchronous_standby_names, and save again: what is stored is found by its event id"
_HEARD = "check it and the network, then try again: what was saved meanwhile is found by its event id"
_REACH = "the server of {place} cannot be reached ({said})"
_TO_REACH = "check host and port, and that it is running"

#: The longest sign goes first: `57P03` says more than `57`.
_BY_CODE = (
    ("28P01", "{place} refuses the password of {role}", "check the password in the URL, or in ~/.pgpass"),
    ("28", "{place} refuses {role} ({said})", "check user and password, and pg_hba.conf on the server"),
    ("3D000", "there is no database at {place}", "create it with `createdb`, or check the name"),
    ("3F000", "the schema of {place} is not there ({said})", "create it, or check search_path in the URL"),
    ("42501", "{role} may not do this at {place} ({said})", "`ledger roles --sql` prints the rights that it needs"),
    ("25006", "{place} is read-only: a standby, or a session that may not write", "write to the primary server"),
    ("53100", "the disk of {place} is full; nothing of this was written", "make room and try again"),
    ("53200", "the server of {place} is out of memory", "try again"),
    ("53300", "{place} has no connection left", "close some, or raise max_connections on the server"),
    ("55P03", "{place} stayed locked by another transaction for {timeout} seconds", "try again"),
    ("57014", "a statement at {place} took too long and was cancelled", "try again, or open with a larger ?timeout="),
    ("57P03", "the server of {place} is starting or stopping", "try again"),
    ("57P", _GONE, _AGAIN),
    ("08", _GONE, _AGAIN),
    ("25P03", "a transaction at {place} was idle for too long, and was ended", "try again"),
    ("40P01", "two transactions at {place} waited for each other, and this one was ended", "try again"),
    ("40001", "a transaction at {place} met another one", "try again"),
    ("LG001", "the log is append-only", "save a new version instead"),
    ("XX001", "{place} is damaged ({said})", "restore it from a backup, and run `ledger verify` on that"),
    ("58", "the disk of {place} fails ({said})", "check the disk of the server"),
)
# What the client finds out by itself has no code.
_BY_WORDS = (
    ("no answer of a standby", "no synchronous standby of {place} has what was committed ({said})", _BACK),
    ("no answer", "the server of {place} is silent ({said})", _HEARD),
    ("password authentication failed|no password supplied", *_BY_CODE[0][1:]),
    ("no pg_hba.conf entry|authentication failed|role .* does not exist|is not permitted to log in", *_BY_CODE[1][1:]),
    ("database .* does not exist", *_BY_CODE[2][1:]),
    ("permission denied for database", *_BY_CODE[4][1:]),
    ("too many clients|remaining connection slots|too many connections", *_BY_CODE[8][1:]),
    ("starting up|shutting down|not accepting connections|recovery mode", *_BY_CODE[11][1:]),
    (
        "[Cc]onnection refused|could not translate|resolve|No such file|timeout expired|timed out|unreachable",
        _REACH,
        _TO_REACH,
    ),
    (
        (
            "server closed|terminat|connection is (lost|closed)|broken|reset by peer|consuming input|SSL SYSCALL"
            "|sending query|no connection to the server"
        ),
        _GONE,
        _AGAIN,
    ),
    (
        "invalid (connection option|URI|port|integer)|invalid .* value",
        "the URL of {place} is wrong ({said})",
        "correct it",
    ),
)
