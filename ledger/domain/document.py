"""JSON that is changed by path (JSON Pointer) without touching what it began as."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ledger.domain.values import split

__all__ = ["Document"]


class Document:
    """A JSON object under construction; `root` is what it holds. What it changes, it copies first, once."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root: Any = root
        self._own: dict[int, Any] = {}  # by identity; holding the value keeps its identity from being reused

    def _owned(self, value: Any) -> Any:
        if id(value) in self._own:
            return value
        copied: dict[str, Any] | list[Any] = dict(value) if isinstance(value, Mapping) else list(value)
        self._own[id(copied)] = copied
        return copied

    def _parent(self, path: str) -> tuple[dict[str, Any], str]:
        *above, last = split(path)
        self.root = node = self._owned(self.root)
        for key in above:
            child = node.get(key)
            if not isinstance(child, dict):
                child = {}
            node[key] = node = self._owned(child)
        return node, last

    def set(self, path: str, value: Any) -> None:
        """Put `value` at `path`; objects that are missing on the way come into being."""
        parent, key = self._parent(path)
        parent[key] = value

    def remove(self, path: str) -> None:
        """Take away what stands at `path`, if anything does."""
        node = self.root
        *above, last = split(path)
        for key in above:
            node = node.get(key) if isinstance(node, dict) else None
        if isinstance(node, dict) and last in node:
            parent, key = self._parent(path)
            del parent[key]

    def extend(self, path: str, values: list[Any]) -> None:
        """Let the list at `path` grow; where none stands, `values` become it."""
        parent, key = self._parent(path)
        present = parent.get(key)
        if isinstance(present, list):
            parent[key] = grown = self._owned(present)
            grown.extend(values)
        else:
            parent[key] = list(values)
