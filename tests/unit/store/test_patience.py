"""How long a lane tries again: all that is tried together has one time for it."""

import pytest

from ledger import StorageError
from ledger.store.patience import Patience


def test_what_took_the_whole_time_leaves_none_for_the_others() -> None:
    """They are told the same at once, instead of waiting as long for the same server, one behind the other."""
    patience = Patience(30)
    tried: list[int] = []

    def act() -> None:
        tried.append(1)
        raise StorageError("the server is silent", passing=None)

    for _ in range(3):
        with pytest.raises(StorageError, match="the server is silent"):
            patience.tried(act)

    assert [1] == tried


def test_what_is_refused_leaves_the_others_their_time() -> None:
    """It says nothing of the server."""
    patience = Patience(30)

    def refused() -> None:
        raise StorageError("nobody may save")

    with pytest.raises(StorageError, match="nobody may save"):
        patience.tried(refused)

    assert "stored" == patience.tried(lambda: "stored")
