"""Claude Code transcripts: one JSON object a line, read line by line. Pure.

A line that holds a message is one step. Its writer is `claude-code`, as `runtime`, but for what a person did, which is
`user`'s with the authority of a user: what they typed, answered or rejected, and the titles they chose.

- A line belongs to the session that it names, whatever file it is in. Where a file goes on with another session (it was
  resumed), the later one's metadata says which it `continues`.
- A subagent's lines (`isSidechain`) are a session of their own, `agent-AGENT-SESSION`, whose parent is the session
  that started it.
- A title stands on a line without a time, and at times without a session. It becomes a step once its session has said
  something; the summary of a conversation that is in another file is passed over.
- Several lines can share one answer of the model, each with the tokens counted so far. Every call is counted once: the
  first line's counts are a record, and later ones add what they have more.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256

from ledger.domain.events import Authority
from ledger.domain.parts import Message
from ledger.importers.claude_messages import (
    asked_questions,
    assistant_message,
    content_parts,
    result_text,
    user_messages,
)
from ledger.importers.claude_types import PASSED_OVER, TITLES
from ledger.importers.claude_usage import UsageCounter
from ledger.importers.lines import Line, parse_line
from ledger.importers.records import (
    Record,
    UnreadableRecord,
    as_object,
    digest,
    named_kind,
    object_in,
    optional_text,
    text_in,
    time_in,
)
from ledger.importers.steps import (
    Answered,
    Asked,
    Described,
    Happening,
    ImportProblem,
    Item,
    ModelNamed,
    Opening,
    Said,
    Skipped,
    Step,
    Summarised,
    Titled,
    Usage,
    Withdrawn,
)

__all__ = ["read_transcript"]

WRITER = "claude-code"
PERSON = "user"

_AUTHORITY: dict[str, Authority] = {WRITER: "runtime", PERSON: "user"}

_FACTS = {"cwd": "cwd", "gitBranch": "git_branch", "version": "client_version", "slug": "slug"}
#: Put into a person's turn by the program.
_INJECTED = ("<local-command-", "<task-notification>", "<bash-stdout>", "<bash-stderr>", "<system-reminder>")
#: How a result reads that the person, not the tool, refused.
_REJECTED = ("The user doesn't want to", "User rejected", "[Request interrupted by user", "The user wants to")
_NO_MODEL = "<synthetic>"
_REASON = 300


def read_transcript(source: str, lines: Iterable[Line]) -> Iterator[Item]:
    """Give the steps of a transcript, in its order, as its lines are read.

    The steps of a line depend on the lines before it, never on those after: a transcript that has grown begins with the
    steps that it had.

    Args:
        source: what to call it in problems.
        lines: its lines.
    """
    transcript = _Transcript(source)
    for line in lines:
        if not line.is_blank:
            yield from transcript.take(line)
    yield from transcript.left_over()


@dataclass(slots=True)
class _Thread:
    """A session as this file tells it."""

    opening: Opening
    facts: Record
    time: datetime | None = None
    title: str | None = None
    titles: int = 0
    title_is_chosen: bool = False


@dataclass(slots=True)
class _Transcript:
    source: str
    threads: dict[str, _Thread] = field(default_factory=dict)
    #: The session of each line that was read, by the line's id.
    homes: dict[str, str] = field(default_factory=dict)
    #: The first line of the subagent that a line belongs to.
    roots: dict[str, str] = field(default_factory=dict)
    #: Titles whose session has not said anything yet, by the session's id, and by the id of a line.
    waiting: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)
    waiting_leaves: dict[str, str] = field(default_factory=dict)
    calls: set[str] = field(default_factory=set)
    unknown: set[str] = field(default_factory=set)
    anonymous: dict[str, int] = field(default_factory=dict)
    counter: UsageCounter = field(default_factory=UsageCounter)
    main: str | None = None

    def take(self, line: Line) -> list[Item]:
        """Give what one line says: all of it, or the one problem that it has."""
        place = f"{self.source}:{line.number}"
        try:
            record = as_object(parse_line(line))
            kind = text_in(record, "type")
            if kind in PASSED_OVER:
                return [Skipped(kind)]
            if kind in TITLES:
                return self._title(kind, record, place)
            if kind in ("user", "assistant", "system", "attachment"):
                return self._spoken(kind, record, place, line)
        except UnreadableRecord as error:
            return [ImportProblem(place, error.what, error.hint)]
        if kind in self.unknown:
            return [Skipped(kind)]
        self.unknown.add(kind)
        what = f"the record type {kind[:80]!r} is not known, and such lines are not imported"
        return [ImportProblem(place, what, "import again with a later release, which may know it"), Skipped(kind)]

    def left_over(self) -> Iterator[Item]:
        """Give what was waiting for a session that is not in this file."""
        for _ in [*self.waiting_leaves, *(title for titles in self.waiting.values() for title in titles)]:
            yield Skipped("title of another session")

    def _spoken(self, kind: str, record: Record, place: str, line: Line) -> list[Item]:
        if kind == "attachment":
            queued = _queued_prompt(record)
            if queued is None:
                attachment = record.get("attachment")
                return [Skipped(f"attachment/{attachment.get('type') if isinstance(attachment, dict) else '?'}")]
            kind, record = "user", queued
        if kind == "system":
            record = record if isinstance(record.get("message"), dict) else record | {"message": record}
            if not record["message"].get("content"):
                return [Skipped(f"system/{record.get('subtype') or '?'}")]
        line_id = optional_text(record, "uuid") or self._name(line)
        time = time_in(record, "timestamp")
        session_id, thread = self._thread(record, line_id, time)
        resumed = self._continued(session_id, record)
        happenings: list[Happening]
        writer = WRITER
        usage: tuple[Usage, ...] = ()
        problem: str | None = None
        if kind == "system":
            happenings = _system_messages(record, line_id, time)
        elif kind == "assistant":
            inner = object_in(record, "message")
            happenings = self._answered_by_model(record, inner, line_id, time)
            usage, problem = self.counter.count(session_id, inner, line_id, record)
        else:
            object_in(record, "message")
            happenings, is_person = self._came_in(record, line_id, time)
            writer = PERSON if is_person else WRITER
        if not happenings:
            return [Skipped(f"{kind} without content")]
        self._settle(session_id, thread, record, line_id, time)
        described = thread.facts | ({"continues": resumed} if resumed else {})
        step = Step(
            session_id=session_id,
            key=f"import:{line_id}",
            place=place,
            happenings=(Described(described), *happenings),
            writer=writer,
            authority=_AUTHORITY[writer],
            occurred_at=time,
            opening=thread.opening,
            usage=usage,
        )
        problems = [ImportProblem(place, problem, "add its tokens by hand if they matter")] if problem else []
        return [*problems, step, *self._titles_due(session_id, line_id, place)]

    def _thread(self, record: Record, line_id: str, time: datetime | None) -> tuple[str, _Thread]:
        session_id = text_in(record, "sessionId")
        sidechain = record.get("isSidechain", False)
        if not isinstance(sidechain, bool):
            raise UnreadableRecord(f"isSidechain is {named_kind(sidechain)}, not true or false")
        opening = Opening(created_at=time)
        if sidechain:
            agent = optional_text(record, "agentId") or self._root(record, line_id)[:8]
            opening = Opening(parent_session_id=session_id, root_session_id=session_id, created_at=time)
            session_id = f"agent-{agent}-{session_id}"
        facts = {"source": WRITER}
        for name, ours in _FACTS.items():
            value = optional_text(record, name)
            if value:
                facts[ours] = value
        known = self.threads.get(session_id)
        return session_id, _Thread(opening, facts) if known is None else _refreshed(known, facts)

    def _settle(self, session_id: str, thread: _Thread, record: Record, line_id: str, time: datetime | None) -> None:
        """Note a line that was read without a problem."""
        self.threads[session_id] = thread
        self.homes[line_id] = session_id
        thread.time = time or thread.time
        if not record.get("isSidechain"):
            self.main = session_id

    def _continued(self, session_id: str, record: Record) -> str | None:
        is_later = self.main is not None and self.main != session_id
        return self.main if is_later and session_id not in self.threads and not record.get("isSidechain") else None

    def _root(self, record: Record, line_id: str) -> str:
        """Old releases name no agent: its lines hang together from the first, which has no parent among them."""
        parent = record.get("parentUuid")
        root = self.roots.get(parent, line_id) if isinstance(parent, str) else line_id
        self.roots[line_id] = root
        return root

    def _name(self, line: Line) -> str:
        content = sha256(line.text or b"").hexdigest()[:16]
        count = self.anonymous[content] = self.anonymous.get(content, 0) + 1
        return f"line-{content}-{count}"

    def _answered_by_model(self, record: Record, inner: Record, line_id: str, time: datetime | None) -> list[Happening]:
        message = assistant_message(record, line_id, time)
        happenings: list[Happening] = [Said(message)]
        model = optional_text(inner, "model")
        if model and model != _NO_MODEL:
            happenings.insert(0, ModelNamed(model))
        for call in message.tool_calls:
            if call.name == "AskUserQuestion":
                self.calls.add(call.id)
                happenings += [Asked(question) for question in asked_questions(call.id, call.arguments)]
        return happenings

    def _came_in(self, record: Record, line_id: str, time: datetime | None) -> tuple[list[Happening], bool]:
        messages = list(user_messages(record, line_id, time))
        happenings: list[Happening] = [Said(message) for message in messages]
        resolved = self._resolved(record)
        happenings += resolved
        if record.get("isCompactSummary") and messages:
            # The text is the message's already.
            happenings.append(Summarised({"format": WRITER, "message_id": messages[0].id}))
        return happenings, any(item.by == PERSON for item in resolved) or _is_persons(record, messages)

    def _resolved(self, record: Record) -> list[Answered | Withdrawn]:
        resolved: list[Answered | Withdrawn] = []
        result = record.get("toolUseResult")
        answers = result.get("answers") if isinstance(result, dict) and "questions" in result else None
        for part in content_parts(record["message"].get("content")):
            if part["type"] != "tool_result":
                continue
            call = text_in(part, "tool_use_id")
            # The call itself may stand in the file of the session that was resumed.
            if call not in self.calls and not isinstance(answers, dict):
                continue
            said, _ = result_text(part)
            if part.get("is_error"):
                reason = result if isinstance(result, str) else said
                by_person = any(text.startswith(_REJECTED) for text in (reason, said))
                resolved.append(Withdrawn(call, _first_line(reason), PERSON if by_person else None))
            elif isinstance(answers, dict):
                resolved.append(Answered(call, PERSON, answers=answers))
            else:
                resolved.append(Answered(call, PERSON, answer=said))
        return resolved

    def _title(self, kind: str, record: Record, place: str) -> list[Item]:
        name, chosen = TITLES[kind]
        title = text_in(record, name)
        session_id = optional_text(record, "sessionId")
        leaf = optional_text(record, "leafUuid")
        if session_id is None and leaf is not None:
            session_id = self.homes.get(leaf)
            if session_id is None:
                self.waiting_leaves[leaf] = title
                return []
        session_id = session_id or self.main
        if session_id is None or session_id not in self.threads:
            self.waiting.setdefault(session_id or "", []).append((title, chosen))
            return []
        return list(self._titled(session_id, title, chosen=chosen, place=place))

    def _titles_due(self, session_id: str, line_id: str, place: str) -> Iterator[Item]:
        due = self.waiting.pop(session_id, []) + self.waiting.pop("", [])
        if line_id in self.waiting_leaves:
            due.append((self.waiting_leaves.pop(line_id), False))
        for title, chosen in due:
            yield from self._titled(session_id, title, chosen=chosen, place=place)

    def _titled(self, session_id: str, title: str, *, chosen: bool, place: str) -> Iterator[Step]:
        thread = self.threads[session_id]
        # The program repeats the title at the end of its file whenever it writes there.
        if title == thread.title or (thread.title_is_chosen and not chosen):
            return
        thread.titles += 1
        thread.title, thread.title_is_chosen = title, chosen
        yield Step(
            session_id=session_id,
            key=f"import:title:{thread.titles}:{digest(title)}",
            place=place,
            happenings=(Titled(title, WRITER),),
            writer=PERSON if chosen else WRITER,
            authority=_AUTHORITY[PERSON if chosen else WRITER],
            occurred_at=thread.time,
            opening=thread.opening,
        )


def _refreshed(thread: _Thread, facts: Record) -> _Thread:
    return _Thread(
        thread.opening, thread.facts | facts, thread.time, thread.title, thread.titles, thread.title_is_chosen
    )


def _system_messages(record: Record, line_id: str, time: datetime | None) -> list[Happening]:
    as_message = record | {"message": {"content": record["message"]["content"]}}
    return [Said(message.model_copy(update={"role": "system"})) for message in user_messages(as_message, line_id, time)]


def _queued_prompt(record: Record) -> Record | None:
    """What a person typed while the agent was at work stands on no line of type `user`."""
    attachment = record.get("attachment")
    if not isinstance(attachment, dict) or attachment.get("type") != "queued_command":
        return None
    origin = attachment.get("origin")
    is_human = not isinstance(origin, dict) or origin.get("kind", "human") == "human"
    if attachment.get("isMeta") or not is_human or attachment.get("commandMode", "prompt") != "prompt":
        return None
    rest = {name: value for name, value in record.items() if name != "attachment"}
    return rest | {"queued": True, "message": {"content": attachment.get("prompt")}}


def _is_persons(record: Record, messages: list[Message]) -> bool:
    spoken = [message for message in messages if message.role == "user"]
    if not spoken or any(record.get(name) for name in ("isMeta", "isCompactSummary", "isSidechain")):
        return False
    origin = record.get("origin")
    if isinstance(origin, dict) and "kind" in origin:
        return bool(origin["kind"] == "human")
    return not any(message.content.lstrip().startswith(_INJECTED) for message in spoken)


def _first_line(text: str) -> str:
    line = next(iter(text.strip().splitlines()), "")
    return line if len(line) <= _REASON else f"{line[:_REASON]}…"
