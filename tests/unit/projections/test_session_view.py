"""Which snapshots are kept, and what is never trusted."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from projections.session_view import THINNING, too_close


@given(st.sets(st.integers(1, 100_000), min_size=1, max_size=60))
def test_the_newest_snapshot_is_always_kept(versions: set[int]) -> None:
    """Thinning never takes the snapshot that the next load begins from."""
    ordered = sorted(versions, reverse=True)

    assert ordered[0] not in too_close(ordered)


@given(st.sets(st.integers(1, 100_000), min_size=1, max_size=60))
def test_kept_snapshots_thin_out_geometrically(versions: set[int]) -> None:
    """All kept snapshots of a session together cost at most a constant times the newest."""
    ordered = sorted(versions, reverse=True)
    kept = [version for version in ordered if version not in too_close(ordered)]

    assert all(older <= newer * THINNING for newer, older in pairwise(kept))
