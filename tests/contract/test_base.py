"""What a session was loaded from: kept by copies, found again where it was lost, refused where the log has another."""

from __future__ import annotations

import copy
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger import Message, Session, SessionDeleted, VersionConflict
from tests.contract.backends import Backend, on_durable, on_one_face
from tests.contract.faces import Book, OpenBook, open_face, versions

Carry = Callable[[Session], Session]

CARRIED: dict[str, Carry] = {
    "pickle": lambda session: pickle.loads(pickle.dumps(session)),  # noqa: S301 - made here
    "json": lambda session: Session.model_validate_json(session.model_dump_json()),
    "dict": lambda session: Session.model_validate(session.model_dump()),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "model_copy": Session.model_copy,
}
LOST = {name: CARRIED[name] for name in ("pickle", "json", "dict")}


async def three_versions(book: Book) -> Session:
    """Save a session three times, with a message more each time."""
    session = await book.saved()
    for text in ("one", "two"):
        session.add_message(Message.user(text))
        await book.save(session)
    return session


@pytest.mark.parametrize("carry", CARRIED.values(), ids=CARRIED)
async def test_a_carried_session_is_saved_from_the_version_it_names(book: Book, carry: Carry) -> None:
    """A session that went through JSON, a pickle or a copy is as stale as it says, never a fresh one."""
    session = await three_versions(book)
    carried = carry(await book.load("s1", at=2))
    assert 2 == carried.version
    carried.messages.pop()
    carried.title = "carried"

    receipt = await book.save(carried)

    assert (4, 2) == (receipt.version, receipt.base_version)
    head = await book.load("s1")
    assert ("carried", ["two"]) == (head.title, [message.content for message in head.messages])
    assert (head, 4) == (carried, carried.version)
    assert {"title_changed", "message_removed"} == {c.type for c in (await book.history("s1", after=3))[0].changes}
    assert 3 == session.version


@on_one_face
@pytest.mark.parametrize("carry", LOST.values(), ids=LOST)
async def test_a_carried_session_without_edits_changes_nothing(book: Book, carry: Carry) -> None:
    """What it holds is compared with its version in the log, and found to be the same."""
    await three_versions(book)
    carried = carry(await book.load("s1", at=1))

    await book.save(carried)

    assert () == (await book.history("s1", after=3))[0].changes
    assert ["one", "two"] == [message.content for message in carried.messages]


@on_one_face
@pytest.mark.parametrize("carry", LOST.values(), ids=LOST)
async def test_a_carried_session_brought_up_is_a_session_like_any(book: Book, carry: Carry) -> None:
    """After one save it has a base again: containers stay the same, and later saves cost what changed."""
    await three_versions(book)
    carried = carry(await book.load("s1"))
    messages, state = carried.messages, carried.state
    carried.state["x"] = {"y": 1}
    inner = carried.state["x"]
    await book.save(carried)
    carried.add_message(Message.user("three"))

    receipt = await book.save(carried, expected_version=4)

    assert (5, 4) == (receipt.version, receipt.base_version)
    assert (messages, state, inner) == (carried.messages, carried.state, carried.state["x"])
    assert messages is carried.messages
    assert state is carried.state
    assert inner is carried.state["x"]
    assert ["message_appended"] == [change.type for change in (await book.history("s1", after=4))[0].changes]


@on_one_face
@pytest.mark.parametrize("carry", LOST.values(), ids=LOST)
async def test_a_carried_session_from_before_a_deletion_is_refused(book: Book, carry: Carry) -> None:
    """Losing the base is no way around the tombstone."""
    session = await three_versions(book)
    await book.delete("s1")
    await book.create(Session.new("s1", "gpt-5"))

    with pytest.raises(SessionDeleted):
        await book.save(carry(session))
    assert [1, 2, 3, 4, 5] == await versions(book)


@on_one_face
@pytest.mark.parametrize("carry", CARRIED.values(), ids=CARRIED)
async def test_a_carried_fresh_session_begins_a_new_life(book: Book, carry: Carry) -> None:
    """What `load_or_create` gave after a deletion stands on the tombstone, and holds nothing of the life before."""
    old = await three_versions(book)
    old.ask("call_1", "Which?")
    await book.save(old)
    await book.delete("s1")
    fresh = await book.load_or_create("s1", model="gpt-4")
    fresh.add_message(Message.user("new"))
    carried = carry(fresh)

    receipt = await book.save(carried)

    assert (6, 5) == (receipt.version, receipt.base_version)
    head = await book.load("s1")
    assert ("gpt-4", ["new"], {}) == (head.model, [message.content for message in head.messages], head.questions)
    assert (head, 6) == (carried, carried.version)
    assert ["session_created", "message_appended"] == [c.type for c in (await book.history("s1", after=5))[0].changes]


@on_one_face
@pytest.mark.parametrize("carry", CARRIED.values(), ids=CARRIED)
async def test_a_base_beyond_the_head_has_diverged(book: Book, face: str, carry: Carry) -> None:
    """A copy from a ledger that knows more than this one is refused with the word, and stays as it was."""
    other = await open_face(face, "sqlite://")
    ahead = carry(await three_versions(other))
    await other.close()
    await book.saved()
    ahead.title = "mine"

    with pytest.raises(VersionConflict, match="diverged") as caught:
        await book.save(ahead)

    assert (True, 3, 1) == (caught.value.diverged, caught.value.expected, caught.value.actual)
    assert ([1], "mine", 3) == (await versions(book), ahead.title, ahead.version)


@on_one_face
@pytest.mark.parametrize("carry", CARRIED.values(), ids=CARRIED)
async def test_a_base_of_a_session_that_is_not_here_has_diverged(book: Book, face: str, carry: Carry) -> None:
    """A session with a version is never taken for a new one."""
    other = await open_face(face, "sqlite://")
    session = carry(await three_versions(other))
    await other.close()

    with pytest.raises(VersionConflict, match="diverged") as caught:
        await book.save(session)

    assert (3, 0) == (caught.value.expected, caught.value.actual)
    assert [] == await book.sessions()


async def test_a_base_with_another_digest_has_diverged(book: Book, face: str) -> None:
    """Two ledgers that both have a version 1 have not the same one."""
    other = await open_face(face, "sqlite://")
    session = await other.saved()
    await other.close()
    await book.saved()
    await book.append("s1", Message.user("here"))
    session.add_message(Message.user("there"))

    for _ in range(2):
        with pytest.raises(VersionConflict, match="diverged"):
            await book.save(session)
        with pytest.raises(VersionConflict, match="diverged"):
            await book.save(session, expected_version=1)
    assert [1, 2] == await versions(book)


@on_durable
async def test_a_restored_backup_refuses_what_came_after_it(
    backend: Backend, open_book: OpenBook, tmp_path: Path
) -> None:
    """A copy of what the backup does not hold is never rebased on a past that it did not have."""
    if backend.name != "sqlite-file":
        pytest.skip("the backup is a copy of the one file")
    file, backup = tmp_path / "ledger.db", tmp_path / "backup.db"
    book = await open_book()
    session = await book.saved()
    await book.close()
    shutil.copy(file, backup)
    book = await open_book()
    session.title = "after the backup"
    await book.save(session)
    await book.close()
    shutil.copy(backup, file)

    restored = await open_book()
    with pytest.raises(VersionConflict, match="diverged"):
        await restored.save(session)
    await restored.append("s1", Message.user("another second version"))
    with pytest.raises(VersionConflict, match="diverged"):
        await restored.save(session)
    assert [1, 2] == await versions(restored)
    assert ("after the backup", 2) == (session.title, session.version)
