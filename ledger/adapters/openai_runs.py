"""Runs of an agent that wait: what they wait for is asked, who decided is recorded, and another process goes on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from agents.items import ToolApprovalItem
from agents.run_state import RunState

from ledger.adapters.openai_items import APPROVAL_REQUEST, OUTPUTS, Item, as_stored, called_by
from ledger.adapters.openai_questions import (
    APPROVAL,
    REJECTED,
    Verdict,
    answer_of,
    ask,
    asked_by,
    questions_of,
    verdict_of,
)
from ledger.adapters.stored import StoredSession
from ledger.domain.parts import Question
from ledger.domain.session import Session
from ledger.domain.values import thaw
from ledger.errors import QuestionNotPending

if TYPE_CHECKING:
    from agents.result import RunResult, RunResultStreaming

__all__ = ["KeepsRuns", "hold_run"]

#: Where a session's state keeps what is the framework's.
_STATE, _RUN = "openai-agents", "run"
_WAITS_INSIDE = "it waits for approvals of its own: {}"


class KeepsRuns:
    """What a `LedgerSession` does beyond the framework's protocol: it knows of interrupted runs."""

    _stored: StoredSession

    async def record_interruptions(
        self, result: RunResult | RunResultStreaming | RunState[Any, Any], *, keep_run: bool = True, **serializing: Any
    ) -> list[Question]:
        """Record what an interrupted run waits for, and keep the run, so that another process can go on with it.

            result = await Runner.run(agent, "Deploy it", session=session)
            if result.interruptions:
                await session.record_interruptions(result)

        One save; safe to repeat. The items that the run has saved ask already; this adds what they do not tell: calls
        inside an agent that is a tool, and calls that an output guardrail holds back. A run that is not interrupted
        waits for nothing, and what was kept of an earlier one goes.

        Args:
            result: of the run.
            keep_run: whether to keep it in the session's `state`, for `kept_run`. What it holds is stored once more.
            **serializing: passed on to `RunState.to_json`, which says what becomes of the run's context.

        Returns:
            The questions of its interruptions.
        """
        state = result if isinstance(result, RunState) else result.to_state()
        interruptions = [_raw(item) for item in state.get_interruptions()]
        kept = as_stored(state.to_json(**serializing), "/state") if keep_run and interruptions else None
        waiting = {called_by(raw) for raw in interruptions}
        calls = {called_by(_as_item(getattr(item, "raw_item", None))) for item in getattr(result, "new_items", ())}
        asked: list[Question] = []

        def record(session: Session) -> bool:
            before = dict(session.questions)
            for raw in interruptions:
                if not questions_of(session, called_by(raw)):
                    ask(session, asked_by(raw, waits=True))
            if waiting:
                for question in session.pending_questions:
                    if question.tool_call_id in calls - waiting:
                        session.withdraw(question, _WAITS_INSIDE.format(", ".join(sorted(filter(None, waiting)))))
            asked[:] = [question for raw in interruptions for question in questions_of(session, called_by(raw))]
            return hold_run(session, kept) or session.questions != before

        await self._stored.change(record, exactly=True)
        return asked

    async def record_decision(
        self, call: ToolApprovalItem | str, *, approved: bool, by: str | None = None, message: str | None = None
    ) -> Question:
        """Record who approved or rejected a call that waits, before the run goes on. One save.

        Args:
            call: the interruption, or the id of its call.
            approved: whether it may run.
            by: who decided; the writer by default.
            message: what the model is told of a rejection.

        Returns:
            The question, answered.

        Raises:
            QuestionNotPending: if it was decided already, or nothing of it waits.
            ValueError: if a clarification is approved: it takes an answer.
        """
        raw = None if isinstance(call, str) else _raw(call)
        call_id = call if isinstance(call, str) else called_by(raw or {}) or ""
        decided: list[Question] = []

        def decide(session: Session) -> bool:
            if raw is not None and not questions_of(session, call_id):
                ask(session, asked_by(raw, waits=True))
            asked = questions_of(session, call_id)
            if not any(question.is_pending for question in asked):
                raise QuestionNotPending(session.id, call_id, asked[-1].status if asked else None)
            decided[:] = [_decide(session, each, Verdict(approved, message), by) for each in asked if each.is_pending]
            return True

        await self._stored.change(decide, exactly=True)
        return decided[0]

    async def apply_decisions(self, state: RunState[Any, Any]) -> list[ToolApprovalItem]:
        """Approve and reject in a run's state what the ledger's answers say of its calls, whoever gave them.

        The answer to an approval is ``"approve"``, ``"reject"``, or ``{"decision": "reject", "message": …}``. A
        clarification that was answered lets its call run: its tool gives the answer, which `answer_to` finds.

        Returns:
            The interruptions that still wait.

        Raises:
            ValueError: if an approval was answered with something else.
        """
        session = await self._stored.load()
        open_still = []
        for item in state.get_interruptions():
            verdicts = [verdict_of(question) for question in questions_of(session, called_by(_raw(item)))]
            rejected = next((verdict for verdict in verdicts if verdict is not None and not verdict.approved), None)
            if rejected is not None:
                state.reject(item, rejection_message=rejected.message)
            elif not verdicts or None in verdicts:
                open_still.append(item)
            else:
                state.approve(item)
        return open_still

    async def kept_run(self, agent: Any, **deserializing: Any) -> RunState[Any, Any] | None:
        """Give the run that `record_interruptions` kept, with what was decided since applied to it; `None` without one.

            state = await session.kept_run(agent)
            if state is not None:
                result = await Runner.run(agent, state, session=session)

        A kept run is given until the first result of the calls that it waits for was saved: so a process that is killed
        while it goes on with one may run a tool again, and never after its result is on record.

        Args:
            agent: that the run began with.
            **deserializing: passed on to `RunState.from_json`.
        """
        session = await self._stored.load()
        kept = session.state.get(_STATE, {}).get(_RUN)
        if kept is None:
            return None
        state: RunState[Any, Any] = await RunState.from_json(agent, kept, **deserializing)
        await self.apply_decisions(state)
        return state

    async def answer_to(self, call_id: str) -> Any:
        """Give what was answered to a call, for the tool that asked: `None` while it has no answer.

        Of a call that asked several questions, the answers by their texts.
        """
        asked = questions_of(await self._stored.load(), call_id)
        answers = {question.text: thaw(question.answer) for question in asked}
        return answers if len(asked) > 1 else next(iter(answers.values()), None)


def _decide(session: Session, question: Question, verdict: Verdict, by: str | None) -> Question:
    if question.kind == APPROVAL:
        return session.answer(question.id, answer_of(verdict), by)
    if verdict.approved:
        raise ValueError(
            f"question {question.id} asks {question.text!r}, which takes an answer: "
            f"book.answer({session.id!r}, {question.id!r}, …)"
        )
    return session.withdraw(question.id, verdict.message or REJECTED, by)


def hold_run(session: Session, run: Any) -> bool:
    """Keep a run in the session's state, or none; say whether that changed anything."""
    own = session.state.get(_STATE, {})
    if own.get(_RUN) == run:
        return False
    session.state[_STATE] = {name: value for name, value in own.items() if name != _RUN}
    if run is not None:
        session.state[_STATE][_RUN] = run
    elif not session.state[_STATE]:
        del session.state[_STATE]
    return True


def _raw(approval: ToolApprovalItem) -> Item:
    """Give the call that an interruption is of, as an item."""
    raw = _as_item(approval.raw_item)
    name = approval.qualified_name
    kind = raw.get("type")
    if kind not in OUTPUTS:
        # Calls of a hosted server name themselves otherwise.
        raw = {**raw, "type": APPROVAL_REQUEST if "server_label" in raw else "function_call"}
    if raw["type"] != APPROVAL_REQUEST and not raw.get("call_id"):
        raw = {**raw, "call_id": raw.get("id")}
    return raw if name is None else {**raw, "name": name}


def _as_item(raw: Any) -> Item:
    if isinstance(raw, Mapping):
        return dict(raw)
    return raw.model_dump(exclude_unset=True, mode="json") if hasattr(raw, "model_dump") else {}
