"""The loop of a durable workflow: ask its value what is due, do it, record the value, ask again.

    @workflow.defn
    class Parcel(ValueLoop[ParcelState, ParcelStep]):
        async def _do(self, step: ParcelStep) -> None:
            match step: ...

All state is in the value, so a run may continue as new anywhere. Handlers of signals and updates only change the value;
the loop acts on it.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Generic, NamedTuple, Never, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.brake import BrakeActivities
    from billing.commands import COMMAND_MAX_BYTES, Command, CommandResult, Ruling, parse_command
    from billing.errors import BrakeOn, InvalidInput, OutcomeConflict, StaleRun
    from billing.progress import Due, Durable
    from workflows import options
    from workflows.about import About
    from workflows.cancellation import despite_cancellation, while_wanted
    from workflows.failures import error_type, is_final, reason
    from workflows.visibility import AMOUNT_MINOR, STAGE, search_attributes


class HasSteps(Protocol):
    def due(self, now: datetime) -> Due[Any]:
        """The next step at ``now``."""


V = TypeVar("V", bound=HasSteps)
D = TypeVar("D", bound=Durable)
S = TypeVar("S", bound=StrEnum)


class ValueLoop(Generic[V, S]):
    """The loop of a value that is not in the ledger; setting ``_ended`` ends it."""

    _value: V
    _ended = False

    async def _loop(self) -> None:
        is_long = workflow.info().is_continue_as_new_suggested
        while not self._ended:
            due = self._look()
            if is_long():
                await workflow.wait_condition(workflow.all_handlers_finished)
                self._continue_with(self._value)
            if self._is_unrecorded(due.step):
                await self._record()
            elif due.step is not None:
                await self._do(due.step)
            else:
                await self._wait(due, is_long)

    def _look(self) -> Due[S]:
        return self._value.due(workflow.now())

    async def _wait(self, due: Due[S], is_long: Callable[[], bool]) -> None:
        """Waits for the next instant, or for a change of the value."""
        before = self._value
        timeout = due.at - workflow.now() if due.at else None
        with suppress(asyncio.TimeoutError):
            await workflow.wait_condition(
                lambda: self._value is not before or is_long(), timeout=timeout, timeout_summary=due.what
            )

    async def _do(self, step: S) -> None:
        raise NotImplementedError

    def _is_unrecorded(self, step: S | None) -> bool:
        return False

    async def _record(self) -> bool:
        raise NotImplementedError

    def _continue_with(self, value: V) -> Never:
        workflow.continue_as_new(value)


class Activities(NamedTuple):
    """The activities of a value in the ledger. ``record`` answers the ledger's value if that is ahead, else None."""

    record: Callable[..., Any]
    alert: Callable[..., Any]
    close: Callable[..., Any]


class DurableLoop(ValueLoop[D, S]):
    """The loop of a value that is recorded in the ledger, takes people's commands, and obeys the emergency brake.

    A step that the brake stops fails with ``BrakeOn``, and the value waits for the release. A cancellation, by a button
    in the Temporal UI, only halts: it would end the workflow with no reason on record.
    """

    _COMMANDS: ClassVar[Mapping[str, type[Command]]]
    _ACTIVITIES: ClassVar[Activities]
    _ENDED_BY: ClassVar[str]  # the command that ends what a cancellation only halts
    _RECORDING: ClassVar[frozenset[Any]]  # steps whose activity records the value first

    def __init__(self, value: D, recorded: D | None) -> None:
        self._value = value
        self._recorded = recorded  # what the ledger has, as far as this run knows
        self._shown = (value.stage(workflow.now()), value.amount_due[0])

    async def _loop(self) -> None:
        cancelled = {"by": "Temporal", "reason": f"somebody requested cancellation; {self._ENDED_BY}"}
        await despite_cancellation(super()._loop(), lambda: self._receive("halt", [cancelled], "cancellation"))

    def _look(self) -> Due[S]:
        """The next step; also shows the value in the Temporal UI."""
        now = workflow.now()
        shown = (self._value.stage(now), self._value.amount_due[0])
        if shown != self._shown:
            workflow.upsert_search_attributes([STAGE.value_set(shown[0]), AMOUNT_MINOR.value_set(shown[1])])
            self._shown = shown
        workflow.set_current_details(self._details())
        return super()._look()

    def _continue_with(self, value: D) -> Never:
        workflow.continue_as_new(value, search_attributes=search_attributes(value, workflow.now()))

    def _details(self) -> str:
        """The value as Markdown, for the Temporal UI."""
        raise NotImplementedError

    @staticmethod
    def _explained(details: str, about: About) -> str:
        """The details with what the workflow is for, in a run that continues another: only the first has that apart."""
        return f"{details}\n\n{about['static_details']}" if workflow.info().continued_run_id else details

    # -- shared steps

    async def _await_release(self) -> None:
        """Waits until the emergency brake is off, or the value changes."""
        before = self._value
        waiting = workflow.start_activity_method(
            BrakeActivities.await_release, **options.with_summary(options.AWAIT_RELEASE, "the emergency brake is on")
        )
        with suppress(ActivityError):  # cancelled, as the value has changed
            released = await while_wanted(waiting, lambda: self._value is before)
            self._value = self._value.brake_released(max(workflow.now(), released.at))

    async def _alert(self) -> None:
        requested, is_told = self._value, False
        with suppress(ActivityError):
            await workflow.execute_activity_method(
                self._ACTIVITIES.alert, requested, **options.with_summary(options.ALERT, "a person is needed")
            )
            self._mark_recorded(requested)
            is_told = True
        self._value = self._value.alerted(workflow.now(), is_told)

    async def _close(self) -> None:
        """Records the outcome and sends its mail."""
        requested = self._value
        try:
            await workflow.execute_activity_method(
                self._ACTIVITIES.close,
                requested,
                **options.with_summary(options.CLOSE, f"close as {requested.outcome}"),
            )
            self._mark_recorded(requested)
        except ActivityError as error:
            if error_type(error) == BrakeOn.__name__:
                self._value = self._value.close_cancelled(reason(error))
            workflow.logger.warning("not closed with its mail: %s", reason(error))
        await self._settle()

    async def _settle(self) -> None:
        """Records the commands that came while the value was closing; then the loop ends."""
        await workflow.wait_condition(workflow.all_handlers_finished)
        while self._value.is_closed and self._value != self._recorded:
            if not await self._record():
                await workflow.sleep(options.RETRY_PAUSE, summary="the outcome cannot be recorded")
            await workflow.wait_condition(workflow.all_handlers_finished)
        self._ended = self._value.is_closed

    # -- the ledger

    def _is_unrecorded(self, step: S | None) -> bool:
        return self._recorded is None or (self._value != self._recorded and step not in self._RECORDING)

    async def _record(self) -> bool:
        requested = self._value
        try:
            ahead = await workflow.execute_activity_method(
                self._ACTIVITIES.record,
                requested,
                **options.with_summary(options.RECORD, f"revision {requested.revision}"),
            )
        except ActivityError as error:
            self._failed(error)
            return False
        if ahead is not None:  # this run was reset or restored: it goes on where the ledger is
            self._recorded = ahead
            self._value = self._value.adopt(ahead)
        else:
            self._mark_recorded(requested)
            self._value = self._value.reachable()
        return True

    def _mark_recorded(self, value: D) -> None:
        """The ledger has ``value``, so that older entries of its trail can be dropped here."""
        self._recorded = value.recorded(value.trail_count)
        self._value = self._value.recorded(value.trail_count)

    def _failed(self, error: ActivityError) -> None:
        """A step failed: if no retry can help, it waits for a person, else it is tried again."""
        kind = error_type(error)
        if kind in (StaleRun.__name__, OutcomeConflict.__name__):
            self._recorded = None  # so that recording the value brings the ledger's
        elif kind == BrakeOn.__name__:
            self._value = self._value.braked(reason(error))
        elif is_final(error):
            self._value = self._value.failed(reason(error))
        else:
            self._value = self._value.delayed(kind or "", reason(error))

    # -- commands

    @workflow.signal(dynamic=True)
    def signalled(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Takes every signal: the SDK drops a signal to a named handler if its payload cannot be decoded."""
        self._receive(name, [_decoded(value) for value in payloads], "signal")

    def _receive(self, name: str, arguments: Sequence[object], via: str) -> CommandResult:
        """Every command is answered and put on record, even one that cannot be read."""
        try:
            ruling = self._decide(parse_command(name, arguments, self._COMMANDS), via)
        except InvalidInput as error:
            ruling = self._note_unreadable(name, str(error), via)
        self._value = ruling.value
        return CommandResult(
            accepted=ruling.refusal is None,
            refusal=ruling.refusal,
            result=ruling.result,
            stage=self._value.stage(workflow.now()),
            period=self._value.period,
        )

    def _decide(self, command: Command, via: str) -> Ruling[D]:
        raise NotImplementedError

    def _note_unreadable(self, name: str, problem: str, via: str) -> Ruling[D]:
        raise NotImplementedError


def command_update(name: str, description: str, kinds: Mapping[str, type[Command]]) -> Any:
    """A validated update of a ``DurableLoop``, which takes one of the command ``kinds`` and answers at once."""

    @workflow.update(name=name, description=description)
    def receive(self: Any, *arguments: Any) -> CommandResult:
        result: CommandResult = self._receive(name, arguments, "update")
        return result

    @receive.validator
    def check(self: Any, *arguments: Any) -> None:
        parse_command(name, arguments, kinds)

    return receive


def _decoded(value: RawValue) -> object:
    """The decoded payload, or a sentence if it cannot be decoded. One that is too large stays raw, to be refused.

    Hundreds of large signals may arrive in one workflow task, which has two seconds.
    """
    if len(value.payload.data) > COMMAND_MAX_BYTES:
        return value.payload.data
    try:
        return workflow.payload_converter().from_payload(value.payload)
    except Exception as error:  # a converter may raise anything for input of any kind
        return f"a payload that cannot be decoded ({type(error).__name__})"
