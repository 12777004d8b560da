"""What an exit code says, and which one an error leads to."""

from __future__ import annotations

from ledger import errors

__all__ = ["CONFLICT", "INTERRUPTED", "NOT_FOUND", "OK", "PROBLEM", "STORAGE", "USAGE", "exit_code_of"]

#: It went well, also where there was nothing to show.
OK = 0
#: A problem was found where it was looked for, or an import had to refuse something.
PROBLEM = 1
#: The command line, or what it names, makes no sense.
USAGE = 2
#: There is no such session, version or question.
NOT_FOUND = 3
#: Someone else was first, or it exists already.
CONFLICT = 4
#: The database, its file or its schema; the message names the command that helps.
STORAGE = 5
#: As shells have it for Ctrl-C.
INTERRUPTED = 130

_CODES: tuple[tuple[type[errors.LedgerError], int], ...] = (
    (errors.SessionNotFound, NOT_FOUND),
    (errors.VersionNotFound, NOT_FOUND),
    (errors.QuestionNotFound, NOT_FOUND),
    (errors.InvalidSession, USAGE),
    (errors.InvalidArgument, USAGE),
    (errors.InvalidRevision, USAGE),
    (errors.InvalidRange, USAGE),
    (errors.InvalidExport, USAGE),
    (errors.InvalidRedaction, USAGE),
    (errors.UnknownProjection, USAGE),
    (errors.FrameworkMissing, USAGE),
    (errors.SessionExists, CONFLICT),
    (errors.VersionConflict, CONFLICT),
    (errors.IdempotencyConflict, CONFLICT),
    (errors.QuestionOmittedError, CONFLICT),
    (errors.QuestionNotPending, CONFLICT),
)


def exit_code_of(error: errors.LedgerError) -> int:
    """Give the exit code for an error; what is left over is storage's, such as an event of a newer release.

    >>> exit_code_of(errors.SessionNotFound("s1"))
    3
    """
    return next((code for kind, code in _CODES if isinstance(error, kind)), STORAGE)
