"""The record types of a Claude Code transcript, and what is done with each. Pure."""

from __future__ import annotations

__all__ = ["KNOWN_TYPES", "PASSED_OVER", "TITLES"]

#: What carries a title, under which name, and whether a person chose it.
TITLES: dict[str, tuple[str, bool]] = {
    "summary": ("summary", False),
    "ai-title": ("aiTitle", False),
    "custom-title": ("customTitle", True),
}

#: Bookkeeping of the program: no part of the conversation. `progress` lines repeat what a subagent's own file holds.
PASSED_OVER = frozenset(
    {
        "agent-color",
        "agent-name",
        "agent-setting",
        "atis-latch",
        "attribution-snapshot",
        "bridge-session",
        "content-replacement",
        "cost-state",
        "file-history-delta",
        "file-history-snapshot",
        "fork-context-ref",
        "frame-link",
        "last-prompt",
        "marble-origami-commit",
        "marble-origami-snapshot",
        "mode",
        "permission-mode",
        "pr-link",
        "progress",
        "queue-operation",
        "relocated",
        "result",
        "speculation-accept",
        "started",
        "tag",
        "task-summary",
        "worktree-state",
    }
)

KNOWN_TYPES = PASSED_OVER | TITLES.keys() | {"assistant", "attachment", "system", "user"}
