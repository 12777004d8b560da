"""A system under measurement in a process of its own, that does what it is told and reports the seconds."""

import multiprocessing
import tempfile
import traceback
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.benchmarks.floor import Floor
from tests.benchmarks.ours import Ours

__all__ = ["Subject"]

_SYSTEMS: dict[str, Any] = {"floor": Floor, "ours": Ours}


class Subject:
    """One system, with a folder of its own under `folder`. A context manager: leaving it ends the process."""

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(name, folder, theirs))

    def __enter__(self) -> Self:
        self._process.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.send(None)
        self._process.join()

    def do(self, method: str, **arguments: Any) -> Any:
        """Have it do something, and give what came of it.

        Raises:
            RuntimeError: if it failed, with its traceback.
        """
        self._connection.send((method, arguments))
        succeeded, result = self._connection.recv()
        if not succeeded:
            raise RuntimeError(f"{self.name}.{method} failed:\n{result}")
        return result


def _serve(name: str, folder: Path | None, connection: Connection) -> None:
    with tempfile.TemporaryDirectory(prefix=f"bench-{name}-", dir=folder) as own:
        system = _SYSTEMS[name](Path(own))
        while (request := connection.recv()) is not None:
            method, arguments = request
            try:
                connection.send((True, getattr(system, method)(**arguments)))
            except Exception:  # noqa: BLE001 - the other side raises it
                connection.send((False, traceback.format_exc()))
