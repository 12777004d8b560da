import pytest

from ledger import errors
from ledger.cli.exit_codes import exit_code_of

CODES = {
    "SessionNotFound": 3,
    "SessionDeleted": 3,
    "VersionNotFound": 3,
    "QuestionNotFound": 3,
    "SessionExists": 4,
    "SessionDiverged": 4,
    "VersionConflict": 4,
    "IdempotencyConflict": 4,
    "QuestionOmittedError": 4,
    "QuestionNotPending": 4,
    "InvalidSession": 2,
    "InvalidArgument": 2,
    "InvalidRevision": 2,
    "InvalidRange": 2,
    "InvalidExport": 2,
    "InvalidRedaction": 2,
    "UnknownProjection": 2,
    "UnknownChange": 5,
    "UnsavedWork": 5,
    "FrameworkMissing": 2,
    "StorageError": 5,
    "SchemaOutOfDate": 5,
    "LedgerMissing": 5,
    "DamagedRecord": 5,
    "LedgerError": 5,
}


@pytest.mark.parametrize("name", errors.__all__)
def test_every_error_has_the_exit_code_that_is_documented(name: str) -> None:
    """A script can tell by the exit code what sort of thing went wrong; a new error has to be given one here."""
    kind = getattr(errors, name)

    assert CODES[name] == exit_code_of(kind.__new__(kind))
