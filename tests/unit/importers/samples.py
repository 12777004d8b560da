"""Small transcripts, made up: the shapes of real ones, none of their content."""

import json
import os
from pathlib import Path
from typing import Any

from ledger.importers import ImportReport
from ledger.importers.lines import Line
from ledger.importers.steps import ImportProblem, Item, Skipped, Step

SESSION = "5e55a0de-0000-4000-8000-000000000001"

Record = dict[str, Any]


def at(second: int) -> str:
    """Give a time: so many seconds after eight."""
    return f"2026-03-01T08:{second // 60:02}:{second % 60:02}.000Z"


def line(kind: str, name: str, second: int, **fields: Any) -> Record:
    """Give a line with the envelope that all lines with a message have."""
    envelope = {
        "parentUuid": None,
        "isSidechain": False,
        "userType": "external",
        "cwd": "/home/someone/project",
        "sessionId": SESSION,
        "version": "2.1.38",
        "gitBranch": "main",
        "type": kind,
        "uuid": name,
        "timestamp": at(second),
    }
    return envelope | fields


def typed(name: str, second: int, text: str, **fields: Any) -> Record:
    """Give a line that a person typed."""
    return line("user", name, second, message={"role": "user", "content": text}, **fields)


def spoken(name: str, second: int, *parts: Record, **fields: Any) -> Record:
    """Give a line of the model."""
    message = {"model": "claude-opus-4-6", "id": f"msg_{name}", "type": "message", "role": "assistant"}
    return line(
        "assistant", name, second, message=message | {"content": list(parts)} | fields.pop("message", {}), **fields
    )


def text(words: str) -> Record:
    """Give a part that is text."""
    return {"type": "text", "text": words}


def call(name: str, tool: str, arguments: Any) -> Record:
    """Give a part that calls a tool."""
    return {"type": "tool_use", "id": name, "name": tool, "input": arguments}


def came_back(name: str, second: int, of: str, content: Any, result: Any = None, **part: Any) -> Record:
    """Give a line that brings a tool's result."""
    parts = [{"type": "tool_result", "tool_use_id": of, "content": content, **part}]
    return line("user", name, second, message={"role": "user", "content": parts}, toolUseResult=result)


QUESTIONS = [
    {
        "question": "Which environment?",
        "header": "Where",
        "options": [{"label": "staging", "description": "The rehearsal"}, {"label": "prod"}],
        "multiSelect": False,
    },
    {
        "question": "Which checks?",
        "header": "Checks",
        "options": [{"label": "smoke"}, {"label": "full"}],
        "multiSelect": True,
    },
]
ANSWERS = {"Which environment?": "staging", "Which checks?": "neither of them"}


def conversation() -> list[Record]:
    """Give a transcript with most of what one can hold: two questions answered after two minutes and a quarter."""
    usage = {"input_tokens": 3, "output_tokens": 1, "cache_creation_input_tokens": 50, "cache_read_input_tokens": 7}
    return [
        {"type": "file-history-snapshot", "messageId": "u1", "snapshot": {}},
        typed("u1", 0, "Deploy it"),
        spoken("a1", 2, {"type": "thinking", "thinking": "Where to?", "signature": "c2ln"}, message={"usage": usage}),
        spoken(
            "a2",
            3,
            call("toolu_1", "AskUserQuestion", {"questions": QUESTIONS}),
            message={"id": "msg_a1", "usage": usage | {"output_tokens": 40}},
        ),
        line("progress", "p1", 4, data={"type": "hook_progress"}),
        came_back("u2", 138, "toolu_1", "They answered.", {"questions": QUESTIONS, "answers": ANSWERS}),
        spoken("a3", 140, call("toolu_2", "Bash", {"command": "deploy staging"}), message={"usage": usage}),
        came_back("u3", 141, "toolu_2", "done", {"stdout": "done", "interrupted": False, "durationMs": 812}),
        line("system", "s1", 142, subtype="turn_duration", durationMs=142_000),
        line("system", "s2", 143, subtype="local_command", content="<command-name>/model</command-name>"),
        {"type": "ai-title", "aiTitle": "Deployment", "sessionId": SESSION},
        spoken("a4", 150, text("It is on staging.")),
    ]


def as_lines(records: list[Record | str]) -> list[Line]:
    """Give records as the lines of a file; text stands for itself, and is torn where it is the last."""
    lines: list[Line] = []
    for number, record in enumerate(records, 1):
        raw = record.encode(errors="surrogatepass") if isinstance(record, str) else json.dumps(record).encode()
        torn = isinstance(record, str) and number == len(records)
        lines.append(Line(number, raw, len(raw) + 1, ended=not torn))
    return lines


def write_lines(path: Path, records: list[Record], *, torn: str = "") -> Path:
    """Write a transcript, with a torn last line if there is to be one."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records) + torn, encoding="utf-8")
    return path


def steps(items: list[Item]) -> list[Step]:
    """Give the steps among what a reader said."""
    return [item for item in items if isinstance(item, Step)]


def problems(items: list[Item]) -> list[str]:
    """Give the problems among what a reader said, as a person reads them."""
    return [str(item) for item in items if isinstance(item, ImportProblem)]


def skipped(items: list[Item]) -> list[str]:
    """Give the types of the records that a reader passed over."""
    return [item.kind for item in items if isinstance(item, Skipped)]


def told(report: ImportReport) -> list[str]:
    """Give the problems as a person reads them, without the folder of the test."""
    return [str(problem).replace(str(Path(problem.place).parent) + os.sep, "") for problem in report.problems]


def chat_run(*contents: str, **fields: Any) -> Record:
    """Give a chat run in which a person and a model take turns."""
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": content} for place, content in enumerate(contents)]
    return {"messages": messages, **fields}


def bamboo(second: int, *messages: Record, pending: Record | None = None, **fields: Any) -> Record:
    """Give a Bamboo session as its store wrote it at a time."""
    document = {
        "id": "bam-1",
        "title": "",
        "pinned": False,
        "title_version": 0,
        "metadata_version": 0,
        "kind": "root",
        "root_session_id": "bam-1",
        "spawn_depth": 0,
        "messages": list(messages),
        "created_at": at(0),
        "updated_at": at(second),
        "model": "gpt-5",
    }
    return document | ({"pending_question": pending} if pending else {}) | fields


def bamboo_message(name: str, second: int, role: str, content: str, **fields: Any) -> Record:
    """Give a message of a Bamboo session."""
    return {"id": name, "role": role, "content": content, "created_at": at(second), **fields}


BAMBOO_PENDING = {
    "tool_call_id": "call_1",
    "tool_name": "conclusion_with_options",
    "question": "Which environment?",
    "options": ["staging", "prod"],
    "allow_custom": True,
    "source": "pause_tool",
}
