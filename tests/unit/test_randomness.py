"""Ids and salts never come twice."""

import os
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.randomness import DRAWN, random_id, random_salt


def test_an_id_is_a_random_uuid() -> None:
    """Other programs may read it as one."""
    read = uuid.UUID(random_id())

    assert (4, uuid.RFC_4122) == (read.version, read.variant)


def test_no_thread_gets_what_another_has() -> None:
    """However many draw at once, over several draws from the system."""
    count = 20 * DRAWN
    with ThreadPoolExecutor(8) as pool:
        salts = list(pool.map(lambda _: random_salt(), range(count)))

    assert {32} == {len(salt) for salt in salts}
    assert 2 * count == len({half for salt in salts for half in (salt[:16], salt[16:])})


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_no_process_gets_what_its_parent_has() -> None:
    """A child that inherits what was drawn draws its own."""
    random_id()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.write(writing, random_id().encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="ascii") as pipe:
        theirs = pipe.read()
    os.waitpid(child, 0)

    assert theirs not in {random_id() for _ in range(2 * DRAWN)}
    assert 32 == len(theirs)
