"""Events, and the closed set of changes that they carry.

A change is one fact, in the past tense. `apply` knows what each does to a session; a type that is not in this file
belongs to a newer release and raises `UnknownChange`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from ledger.domain.parts import JsonArray, JsonValue, Message, Part, made
from ledger.domain.question_changes import (
    QuestionAnswered,
    QuestionAsked,
    QuestionExpired,
    QuestionLost,
    QuestionOmitted,
    QuestionRecovered,
    QuestionSuperseded,
    QuestionWithdrawn,
)
from ledger.domain.revisions import Place

__all__ = [
    "SCHEMA_VERSION",
    "UPCASTERS",
    "Agreement",
    "Authority",
    "Change",
    "ChangeOverruled",
    "Event",
    "MessageAppended",
    "MessageInserted",
    "MessageMetadataExtended",
    "MessageMetadataRemoved",
    "MessageMetadataSet",
    "MessageRemoved",
    "MessageRevised",
    "MessagesReordered",
    "MetadataExtended",
    "MetadataRemoved",
    "MetadataSet",
    "ModelChanged",
    "ParentChanged",
    "PinnedChanged",
    "QuestionAnswered",
    "QuestionAsked",
    "QuestionExpired",
    "QuestionLost",
    "QuestionOmitted",
    "QuestionRecovered",
    "QuestionSuperseded",
    "QuestionWithdrawn",
    "SessionCreated",
    "SessionForked",
    "SessionWasDeleted",
    "StateExtended",
    "StateRemoved",
    "StateSet",
    "SummaryChanged",
    "TitleChanged",
    "appended",
]

#: Raised whenever the meaning of a stored payload changes; older payloads are upcast when they are read.
SCHEMA_VERSION = 1

#: ``UPCASTERS[n]`` turns the JSON of a payload of schema *n* into schema *n + 1*. Empty while there is only one.
UPCASTERS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {}

Authority = Literal["runtime", "user"]


class SessionCreated(Part):
    """The session came into being, as a constructor made it: the first change of every life."""

    type: Literal["session_created"] = "session_created"
    session_id: str
    title: str | None = None
    pinned: bool = False
    model: str = ""
    summary: JsonValue = None
    parent_session_id: str | None = None
    root_session_id: str | None = None
    created_at: AwareDatetime
    json_fields: ClassVar = ("summary",)


class SessionForked(Part):
    """The session began as another one was at a version: the first change of a fork, whose history lives there.

    `from_digest` is the leaf hash of that version, so that the two chains are one.
    """

    type: Literal["session_forked"] = "session_forked"
    session_id: str
    from_session_id: str
    from_version: int
    from_digest: str
    created_at: AwareDatetime

    @property
    def place(self) -> Place:
        """The version that it began as."""
        return Place(self.from_session_id, self.from_version)


class SessionWasDeleted(Part):
    """Named apart from the error `SessionDeleted` that a stale copy gets."""

    type: Literal["session_deleted"] = "session_deleted"
    reason: str = ""


class TitleChanged(Part):
    """The title is another one, or none."""

    type: Literal["title_changed"] = "title_changed"
    title: str | None
    authoritative: bool = True


class PinnedChanged(Part):
    """Someone pinned the session, or let it go."""

    type: Literal["pinned_changed"] = "pinned_changed"
    pinned: bool
    authoritative: bool = True


class ModelChanged(Part):
    """The conversation goes on with another model."""

    type: Literal["model_changed"] = "model_changed"
    model: str


class SummaryChanged(Part):
    """The summary is another one, or none."""

    type: Literal["summary_changed"] = "summary_changed"
    summary: JsonValue
    json_fields: ClassVar = ("summary",)


class ParentChanged(Part):
    """The session hangs elsewhere in the tree of sessions. Both ids travel together, for one follows from the other."""

    type: Literal["parent_changed"] = "parent_changed"
    parent_session_id: str | None
    root_session_id: str | None


class MessageAppended(Part):
    """The message stands at the end."""

    type: Literal["message_appended"] = "message_appended"
    message: Message


def appended(message: Message) -> MessageAppended:
    """Give the change that appends a message; it was checked already."""
    return made(MessageAppended, {"type": "message_appended", "message": message}, {"message"})


class MessageInserted(Part):
    """The message stands right behind the message `after`, or first where that is null."""

    type: Literal["message_inserted"] = "message_inserted"
    message: Message
    after: str | None


class MessageRevised(Part):
    """The whole message anew, but for its `metadata`, which has changes of its own."""

    type: Literal["message_revised"] = "message_revised"
    message: Message


class MessageRemoved(Part):
    """The message is gone from the list; this and every other version that had it still loads with it."""

    type: Literal["message_removed"] = "message_removed"
    message_id: str


class MessagesReordered(Part):
    """The listed messages take, in this order, the places that they held together."""

    type: Literal["messages_reordered"] = "messages_reordered"
    order: list[str]
    json_fields: ClassVar = ("order",)


class _Set(Part):
    """The value at `path` (a JSON Pointer, RFC 6901) is `value`; missing objects above it come into being."""

    path: str
    value: JsonValue
    json_fields: ClassVar = ("value",)


class _Removed(Part):
    """There is nothing at `path` any more."""

    path: str


class _Extended(Part):
    """The list at `path` grew by `values`."""

    path: str
    values: JsonArray
    json_fields: ClassVar = ("values",)


class MetadataSet(_Set):
    """A value of `metadata`, which is for people and UIs, is another one."""

    type: Literal["metadata_set"] = "metadata_set"
    authoritative: bool = False


class MetadataRemoved(_Removed):
    """A value of `metadata` is gone."""

    type: Literal["metadata_removed"] = "metadata_removed"
    authoritative: bool = False


class MetadataExtended(_Extended):
    """A list in `metadata` grew."""

    type: Literal["metadata_extended"] = "metadata_extended"
    authoritative: bool = False


class StateSet(_Set):
    """A value of `state`, which is a framework's own, is another one."""

    type: Literal["state_set"] = "state_set"


class StateRemoved(_Removed):
    """A value of `state` is gone."""

    type: Literal["state_removed"] = "state_removed"


class StateExtended(_Extended):
    """A list in `state` grew."""

    type: Literal["state_extended"] = "state_extended"


class MessageMetadataSet(_Set):
    """A value of one message's `metadata` is another one."""

    type: Literal["message_metadata_set"] = "message_metadata_set"
    message_id: str


class MessageMetadataRemoved(_Removed):
    """A value of one message's `metadata` is gone."""

    type: Literal["message_metadata_removed"] = "message_metadata_removed"
    message_id: str


class MessageMetadataExtended(_Extended):
    """A list in one message's `metadata` grew."""

    type: Literal["message_metadata_extended"] = "message_metadata_extended"
    message_id: str


class ChangeOverruled(Part):
    """A change that did not stand in a rebase, kept here so that nothing that anyone saved is lost.

    `side` is ``"writer"`` where the stale save itself gave way, ``"head"`` where what stood before it did; `writer` and
    `version` name the save whose change gave way; `path` is a JSON Pointer into the session and `value` what that save
    had put there, null for a removal.
    """

    type: Literal["change_overruled"] = "change_overruled"
    side: Literal["writer", "head"]
    writer: str
    version: int
    path: str
    value: JsonValue = None
    json_fields: ClassVar = ("value",)


Change = Annotated[
    SessionCreated
    | SessionForked
    | SessionWasDeleted
    | TitleChanged
    | PinnedChanged
    | ModelChanged
    | SummaryChanged
    | ParentChanged
    | MessageAppended
    | MessageInserted
    | MessageRevised
    | MessageRemoved
    | MessagesReordered
    | MetadataSet
    | MetadataRemoved
    | MetadataExtended
    | StateSet
    | StateRemoved
    | StateExtended
    | MessageMetadataSet
    | MessageMetadataRemoved
    | MessageMetadataExtended
    | QuestionAsked
    | QuestionAnswered
    | QuestionWithdrawn
    | QuestionSuperseded
    | QuestionExpired
    | QuestionOmitted
    | QuestionLost
    | QuestionRecovered
    | ChangeOverruled,
    Field(discriminator="type"),
]


class Agreement(Part):
    """A fact that a stale save brought just as the head had it: no change, but it tells what the save's copy held.

    `path` is a JSON Pointer into the session. Of many messages it is ``/messages``, and `but` lists the ids of those
    that the head had and the copy did not, or had otherwise.
    """

    path: str
    but: list[str] | None = None
    json_fields: ClassVar = ("but",)


class Event(Part):
    """What one save appended: immutable, and the `version`-th of its session.

    `recorded_at` is when the ledger took it, `occurred_at` when it happened in the history that it was imported from.
    `digest` is the leaf hash of the chain (design 6.1), `base_version` what the writer had loaded.
    """

    session_id: str
    version: int
    base_version: int
    event_id: str
    recorded_at: AwareDatetime
    occurred_at: AwareDatetime | None = None
    writer: str
    authority: Authority = "runtime"
    kind: Literal["saved", "deleted"] = "saved"
    key: str | None = None
    schema_version: int = SCHEMA_VERSION
    changes: tuple[Change, ...] = ()
    agreed: tuple[Agreement, ...] = ()
    digest: str = ""

    @property
    def is_stale(self) -> bool:
        """Whether the writer had not seen the save before this one."""
        return self.base_version < self.version - 1
