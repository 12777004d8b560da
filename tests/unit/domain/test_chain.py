"""The hash chain, held to the known answers of the design's section 6.1."""

from hashlib import sha256
from typing import Any

import pytest

from ledger.domain.chain import AUTHORITIES, KINDS, NO_LEAF, Entry, commit_payload, feed_digest, leaf_of, session_uid

LEDGER_ID = bytes(range(16))
FIRST = Entry(
    ledger_id=LEDGER_ID,
    session_uid=b"\xaa" * 16,
    version=1,
    base_version=0,
    event_id=b"\x01" * 16,
    recorded_at_us=1_700_000_000_000_000,
    kind=KINDS["saved"],
    authority=AUTHORITIES["runtime"],
    schema_version=1,
    writer="support-bot",
    payload_commit=commit_payload(b"\x11" * 32, b'{"changes":[]}'),
    prev_leaf=NO_LEAF,
)
SECOND = Entry(
    ledger_id=LEDGER_ID,
    session_uid=b"\xaa" * 16,
    version=2,
    base_version=0,
    event_id=b"\x02" * 16,
    recorded_at_us=1_700_000_000_000_001,
    kind=KINDS["saved"],
    authority=AUTHORITIES["user"],
    schema_version=1,
    writer="ui",
    payload_commit=commit_payload(b"\x22" * 32, '{"answer":"ja, natürlich"}'.encode()),
    prev_leaf=leaf_of(FIRST),
)


def test_known_answers() -> None:
    """The bytes are a contract: whoever holds a digest can check it with nothing but the design's page."""
    assert "d02747d7b273071a9126042450ad3344ce2925172f5c4f7073b43f7c5fe70c02" == FIRST.payload_commit.hex()
    assert 169 == len(FIRST.encode())
    assert "a8c027c2f464f3ec93ab8dbaf920d804727dff1b927821d1554d88fdc16a7bbc" == leaf_of(FIRST).hex()
    assert "04c3036291bc39a9bc88912566142ef4a373454444b130f4e72cddd6aeaf6a44" == leaf_of(SECOND).hex()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("ledger_id", bytes(16)),
        ("session_uid", b"\xab" * 16),
        ("version", 3),
        ("base_version", 1),
        ("event_id", b"\x03" * 16),
        ("recorded_at_us", 0),
        ("kind", KINDS["deleted"]),
        ("authority", AUTHORITIES["runtime"]),
        ("schema_version", 2),
        ("writer", "iu"),
        ("payload_commit", bytes(32)),
        ("prev_leaf", bytes(32)),
    ],
)
def test_everything_in_an_entry_counts(field: str, value: Any) -> None:
    """Whatever is altered in an event, its leaf is another, and so is every later one."""
    altered = SECOND._replace(**{field: value})

    assert leaf_of(SECOND) != leaf_of(altered)


def test_numbers_of_kinds_and_authorities_never_change() -> None:
    """They are hashed; 2 and 3 of the kinds are reserved."""
    assert {"saved": 0, "deleted": 1} == KINDS
    assert {"runtime": 0, "user": 1} == AUTHORITIES
    assert 32 * b"\0" == NO_LEAF


def test_a_salt_hides_a_short_payload() -> None:
    """Once a payload is erased, nobody finds it by hashing what it may have been."""
    assert commit_payload(b"\x01" * 32, b"yes") != commit_payload(b"\x02" * 32, b"yes")
    assert sha256(b"\x02" + b"\x01" * 32 + b"yes").digest() == commit_payload(b"\x01" * 32, b"yes")


def test_a_session_uid_is_of_the_ledger_and_the_id() -> None:
    """Two creators of one id meet at one key; two ledgers do not."""
    expected = sha256(b"sessionledger/uid\n" + LEDGER_ID + "sitzung-ä".encode()).digest()[:16]

    assert expected == session_uid(LEDGER_ID, "sitzung-ä")
    assert session_uid(LEDGER_ID, "a") != session_uid(LEDGER_ID, "b")
    assert session_uid(LEDGER_ID, "a") != session_uid(bytes(16), "a")


def test_the_feed_has_a_running_hash() -> None:
    """Every position hashes the one before it and which event it is."""
    one = feed_digest(NO_LEAF, 1, b"\xaa" * 16, 1, leaf_of(FIRST))
    two = feed_digest(one, 2, b"\xaa" * 16, 2, leaf_of(SECOND))

    assert 32 == len(one) == len(two)
    assert two != feed_digest(NO_LEAF, 2, b"\xaa" * 16, 2, leaf_of(SECOND))
    assert two != feed_digest(one, 3, b"\xaa" * 16, 2, leaf_of(SECOND))
    assert two != feed_digest(one, 2, b"\xaa" * 16, 1, leaf_of(SECOND))


def test_a_writer_is_hashed_by_its_bytes() -> None:
    """The length in front of a name is that of its UTF-8."""
    entry = FIRST._replace(writer="bär").encode()

    assert b"\x00\x04b\xc3\xa4r" in entry
    assert 169 - len("support-bot") + 4 == len(entry)
