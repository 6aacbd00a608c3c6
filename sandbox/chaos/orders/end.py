"""The end of a run for its orders: what people and processes would do within minutes or hours is done at once."""

from datetime import UTC, datetime, timedelta

from temporalio.client import Client

from bootstrap import Adapters, connect_alerts, connect_checkouts, connect_digest_trigger
from bootstrap_gateways import connect_gateway_reader, connect_gateway_refunds, connect_gateways
from orders.order import OrderStage
from orders.ports import OrderFilter
from sandbox.chaos.orders.buyers import Buyers
from sandbox.chaos.payers import patiently
from sandbox.stand_ins.control import control
from sandbox.timeline import pause, until
from services.checkouts import LOOK_AFTER
from services.gateways.refunds import UNDER_WAY
from settings import Settings

_SECONDS = 120.0


class OrdersEnd:
    """``wrong`` is what does not come to an end."""

    def __init__(self, settings: Settings, adapters: Adapters, client: Client, buyers: Buyers) -> None:
        self.wrong: list[str] = []
        self._settings = settings
        self._ledger = adapters.ledger
        self._client = client
        self._buyers = buyers
        self._adapters = adapters

    async def come(self, step: int) -> None:
        """Nothing breaks any more: all moves are made, and all that the rails have is known."""
        while not self._buyers.is_done:
            step += 1
            await self._buyers.work(step)
            await pause()
        for what, holds in (
            ("the gateway still calls back", self._callbacks_are_taken),
            ("events of payments are not handled", self._inbox_is_empty),
            ("orders do not expire", self._expired),
            ("production has not taken what was rejected", self._accepted),
        ):
            try:
                await until(holds, _SECONDS)
            except TimeoutError:
                self.wrong.append(what)
            await self._look_up()

    async def _look_up(self) -> None:
        """What the workers and the console do by themselves, some minutes later."""
        now = datetime.now(UTC)
        alerts = connect_alerts(self._settings, self._adapters, connect_digest_trigger(self._settings, self._client))
        reader = connect_gateway_reader(self._settings, self._adapters, alerts)
        for gateway in connect_gateways(self._settings, self._adapters).values():
            await patiently(lambda: reader.read(gateway, now + timedelta(seconds=1)))  # noqa: B023
        later = now + max(UNDER_WAY, LOOK_AFTER) + timedelta(minutes=1)
        refunds = connect_gateway_refunds(self._settings, self._adapters)
        checkouts = connect_checkouts(self._settings, self._adapters)
        await patiently(lambda: refunds.go_on(later))
        await patiently(lambda: checkouts.sweep(later))

    async def _callbacks_are_taken(self) -> bool:
        counts = (await control(self._settings.sandbox_wayforpay_port, "callbacks", method="GET"))["counts"]
        return not counts.get("pending")

    async def _inbox_is_empty(self) -> bool:
        return not await self._ledger.open_events()

    async def _expired(self) -> bool:
        now, open_stages = datetime.now(UTC), (OrderStage.AWAITING_PAYMENT, OrderStage.PART_PAID)
        rows = (await self._ledger.orders(OrderFilter(open_only=True))).rows
        return not [row for row in rows if row.expires_at and row.expires_at < now and row.stage in open_stages]

    async def _accepted(self) -> bool:
        return not await self._buyers.send_again()
