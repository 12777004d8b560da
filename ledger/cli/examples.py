"""The examples at the end of a command's help."""

from __future__ import annotations

__all__ = ["examples"]


def examples(*lines: str) -> str:
    """Give lines as they are, below a heading, for a command's `epilog`."""
    # click leaves a paragraph that begins so as it is broken.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)
