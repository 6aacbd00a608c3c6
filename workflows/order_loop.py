"""The loop of an order, which is kept in the ledger: it is told how the order stands, and asks when in doubt."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar

from temporalio import workflow
from temporalio.common import RawValue
from temporalio.exceptions import ActivityError

with workflow.unsafe.imports_passed_through():
    from activities.orders import OrderTurn
    from billing.progress import Due
    from workflows import options
    from workflows.failures import reason
    from workflows.value_loop import S, ValueLoop
    from workflows.visibility import AMOUNT_MINOR, STAGE


class FollowedOrder(Protocol):
    """An order as its workflow knows it."""

    def due(self, now: datetime) -> Due[Any]: ...

    def told(self, standing: Any, now: datetime) -> Any:
        """Somebody says that the order stands like that; if it is not newer than what is known, the ledger is asked."""

    def answered(self, standing: Any, now: datetime) -> Any:
        """The order stands like that in the ledger, which is right also if it is behind: then it was restored."""


F = TypeVar("F", bound=FollowedOrder)


class OrderLoop(ValueLoop[F, S]):
    """The ledger has the truth: after each change of the order a signal says how it stands by now.

    A request to cancel the workflow has no effect: cancel the order.
    """

    _STANDING: ClassVar[type[Any]]
    _shown: tuple[str, int]

    @workflow.signal(dynamic=True, description="told: how the order stands in the ledger by now")
    def told(self, name: str, payloads: Sequence[RawValue]) -> None:
        """Takes any signal; one that cannot be read is told again with the next change."""
        for value in payloads[:1]:
            try:
                standing = workflow.payload_converter().from_payload(value.payload, self._STANDING)
            except Exception as error:  # a converter may raise anything for input of any kind
                workflow.logger.warning("a signal %s cannot be read: %s", name, type(error).__name__)
            else:
                self._value = self._value.told(standing, workflow.now())

    def _look(self) -> Due[S]:
        """The next step; also shows the order in the Temporal UI."""
        shown = self._showing
        if shown != self._shown:
            workflow.upsert_search_attributes([STAGE.value_set(shown[0]), AMOUNT_MINOR.value_set(shown[1])])
            self._shown = shown
        workflow.set_current_details(self._details())
        return super()._look()

    async def _ask(self, method: Any, summary: str) -> None:
        """Has the ledger do it, which answers how the order stands then; if nothing changes, again after a pause."""
        before, is_untold = self._value, True
        turn = OrderTurn(number=self._number, at=workflow.now())
        try:
            standing = await workflow.execute_activity_method(
                method, turn, **options.with_summary(options.RECORD, summary)
            )
        except ActivityError as error:
            self._failed(error, summary)
        else:
            is_untold = self._value is before
            take = self._value.answered if is_untold else self._value.told
            self._value = take(standing, workflow.now())
        if is_untold and self._value == before:
            await self._wait(Due(None, workflow.now() + options.RETRY_PAUSE, f"{summary}: again"), lambda: False)

    def _failed(self, error: ActivityError, summary: str) -> None:
        workflow.logger.warning("%s: %s", summary, reason(error))

    async def _end(self) -> None:
        """Ends, unless somebody tells of something else meanwhile."""
        end = self._value.due(workflow.now()).step
        await workflow.wait_condition(workflow.all_handlers_finished)
        self._ended = self._value.due(workflow.now()).step is end

    @property
    def _number(self) -> str:
        raise NotImplementedError

    @property
    def _showing(self) -> tuple[str, int]:
        """Its stage, and what is owed for it, in minor units."""
        raise NotImplementedError

    def _details(self) -> str:
        """The order as Markdown, for the Temporal UI."""
        raise NotImplementedError
