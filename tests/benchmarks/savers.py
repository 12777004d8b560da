"""LangGraph's checkpoints in the ledger, to be measured beside LangGraph's own SQLite saver."""

from ledger.adapters.langgraph import LedgerSaver
from tests.benchmarks.peers.langgraph import LangGraph

__all__ = ["OURS", "OursForLangGraph"]

#: What serves it is called by.
OURS = "ours on langgraph"


class OursForLangGraph(LangGraph):
    """`LedgerSaver`, handed the very checkpoints that LangGraph's own saver is handed."""

    turn_is = "one `put` of a checkpoint with all messages so far: one event"
    together_is = "not measured"

    @property
    def version(self) -> str:
        """The name and version."""
        return "sessionledger's LedgerSaver"

    async def open(self) -> None:
        """Open the saver."""
        self._saver = self._open.enter_context(LedgerSaver(f"sqlite:///{self.place.file()}"))

    async def setting(self, query: str) -> str:
        """Ask the connection that saves."""
        with self._saver._opened.book._database.write() as connection:
            return str(connection.exec_driver_sql(query).scalar_one())
