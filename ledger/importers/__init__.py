"""Real records in: Claude Code transcripts, OpenAI-style chat runs, and Bamboo sessions.

Readers turn text into an ordered stream of steps and know no ledger; the runner plays the steps onto one.
"""

from ledger.importers.detect import FORMATS
from ledger.importers.places import default_places
from ledger.importers.report import ImportProblem, ImportReport
from ledger.importers.runner import import_sources

__all__ = ["FORMATS", "ImportProblem", "ImportReport", "default_places", "import_sources"]
