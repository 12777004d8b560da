"""The entry point of the commands `ledger` and `sessionledger`."""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        # Inside, so that a Ctrl-C while modules load leaves no traceback either.
        from ledger.cli.commands import commands

        for stream in (sys.stdout, sys.stderr):
            if (stream.encoding or "").lower().replace("-", "") != "utf8":
                # A terminal of another encoding shows a question mark, rather than the program a traceback.
                stream.reconfigure(errors="replace")  # type: ignore[union-attr]  # the process's own streams
        commands.main()
    except KeyboardInterrupt:
        sys.exit(130)
