"""Sessions that travel: out of one ledger as lines of JSON, and into another, with their hashes.

The format is documented in `docs/reference/export-format.md`.
"""

from ledger.exchange.exporting import Export
from ledger.exchange.importing import Import

__all__ = ["Export", "Import"]
