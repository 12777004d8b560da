"""The records of what does not stand in a rebase. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ledger.domain.events import ChangeOverruled
from ledger.domain.parts import Part
from ledger.domain.touches import Touch

__all__ = ["Overruling"]


@dataclass(frozen=True, slots=True)
class Overruling:
    """Makes the records of one rebase: `writer` is who saves, `version` what its save will be."""

    writer: str
    version: int

    def of_writer(self, path: str, value: Any) -> ChangeOverruled:
        """Record that the save itself gives way at `path`, where it would have put `value`."""
        return ChangeOverruled(side="writer", writer=self.writer, version=self.version, path=path, value=_json(value))

    def of_head(self, touch: Touch, path: str | None = None, value: Any = None) -> ChangeOverruled:
        """Record that what stood gives way: all of the touch, or the `value` that it had put at `path` inside."""
        return ChangeOverruled(
            side="head",
            writer=touch.writer,
            version=touch.version,
            path=touch.path if path is None else path,
            value=_json(touch.value if path is None else value),
        )


def _json(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Part) else value
