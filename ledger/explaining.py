"""What explains: how states differ, who wrote what, and what became of a question."""

from __future__ import annotations

from ledger.loading import Loading

__all__ = ["Explaining"]


class Explaining(Loading):
    """The explaining part of the facade: everything in it is read from the record, and nothing is written."""
