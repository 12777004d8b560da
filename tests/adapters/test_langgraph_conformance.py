"""The public conformance suite of LangGraph's checkpointers, whole."""

from __future__ import annotations

from collections.abc import AsyncIterator

from langgraph.checkpoint.conformance import checkpointer_test, validate
from langgraph.checkpoint.conformance.capabilities import ALL_CAPABILITIES

from ledger.adapters.langgraph import LedgerSaver
from tests.contract.backends import on_durable


@on_durable
async def test_every_capability_is_detected_and_passes(url: str) -> None:
    """The extended ones too, which LangGraph's own SQLite saver lacks: runs deleted, threads copied and pruned."""

    @checkpointer_test(name="LedgerSaver")
    async def registered() -> AsyncIterator[LedgerSaver]:
        async with LedgerSaver(url) as saver:
            yield saver

    report = await validate(registered)

    assert {capability.value for capability in ALL_CAPABILITIES} == report.results.keys()
    assert [] == [failure for result in report.results.values() for failure in result.failures]
    assert all(result.detected and result.passed for result in report.results.values())
