"""A system under measurement in a process of its own, that does what it is told and reports the seconds."""

import dataclasses
import json
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.benchmarks.system import Place

__all__ = ["Subject", "SubjectAbsent"]

ROOT = Path(__file__).parents[2]


class SubjectAbsent(RuntimeError):
    """The system cannot be measured here; the message says why."""


class Subject:
    """One system at one place, run by one Python. A context manager: leaving it ends the process.

    Raises:
        SubjectAbsent: on entering, if the system does not start.
    """

    def __init__(self, name: str, place: Place, python: str) -> None:
        self.name = name
        self.facts: dict[str, str] = {}
        self._place = place
        self._python = python
        self._process: subprocess.Popen[str]

    def __enter__(self) -> Self:
        place = dataclasses.asdict(self._place) | {"folder": str(self._place.folder)}
        # The tests are not installed in the environment of the peers.
        path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
        with (self._place.folder / "stderr").open("w") as said:
            self._process = subprocess.Popen(
                [self._python, "-m", "tests.benchmarks.serving", json.dumps([self.name, place])],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=said,
                text=True,
                encoding="utf-8",
                env={**os.environ, "PYTHONPATH": path},
            )
        kind, value = self._answer()
        if kind != "ready":
            self.__exit__(None, None, None)
            raise SubjectAbsent(value)
        self.facts = value
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # It closes the pipes and waits: the end of its input is what tells the process to end.
        self._process.__exit__(kind, error, trace)

    def do(self, method: str, **arguments: Any) -> Any:
        """Have it do something, and give what came of it.

        Raises:
            RuntimeError: if it failed, with its traceback.
        """
        assert self._process.stdin is not None
        print(json.dumps([method, arguments]), file=self._process.stdin, flush=True)
        kind, value = self._answer()
        if kind != "done":
            raise RuntimeError(f"{self.name}.{method} failed:\n{value}")
        return value

    def _answer(self) -> tuple[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            said = (self._place.folder / "stderr").read_text(encoding="utf-8", errors="replace").strip()
            return "absent", f"its process ended: {said.splitlines()[-1] if said else 'it said nothing'}"
        kind, value = json.loads(line)
        return kind, value
