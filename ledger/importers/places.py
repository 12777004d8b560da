"""Where agents keep their transcripts on this machine."""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["default_places"]


def default_places() -> list[Path]:
    """Give the folders in which Claude Code keeps its transcripts, if they exist.

    They are `projects` in `$CLAUDE_CONFIG_DIR`, where that is set, or in `~/.claude` and `~/.config/claude`.

    Returns:
        folders to hand to `import_sources`; empty if there are none.
    """
    configured = os.environ.get("CLAUDE_CONFIG_DIR")
    homes = [Path(configured)] if configured else [Path.home() / ".claude", Path.home() / ".config" / "claude"]
    return [place for home in homes if (place := home / "projects").is_dir()]
