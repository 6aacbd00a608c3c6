"""The monthly job on DBOS Transact: one durable workflow per customer and month, its steps checkpointed in PostgreSQL.

    python -m benchmarks.months.peers.dbos_billing       serves the queue until SIGTERM

What a step does outside (sheet, ledger, mails, Stripe) is the product's own activity, so both do the same work with the
same care; what differs is the engine. A step may be repeated after a crash, as an activity may, so it needs that care
here as well. DBOS cannot skip time: sleeps are recorded as usual, and are a millisecond long. There is nobody to halt,
edit or approve here; a team that wanted that would wait for messages (``DBOS.recv``) instead of sleeping.
"""

import asyncio
import logging
import signal
from typing import Any, cast

from dbos import DBOS, DBOSConfig

from activities.notices import NoticeActivities
from activities.payments import PaymentActivities
from activities.sales import SalesActivities
from billing.collections.ports import Collections
from billing.invoices.month import Month
from bootstrap import Adapters, connect_adapters, connect_customer_mails
from services.alerts import Alerts
from services.bills import Bills
from services.cashier import Cashier
from services.messages.customer_messages import CustomerMessages
from services.shared_sales import SharedSales
from services.sheet_comparison import SheetComparer
from settings import Settings, load_settings

READY = "dbos worker ready"
QUEUE = "months"
_AT_ONCE = 100  # as many as Temporal's worker has activities, unless told otherwise
_POLL_SECONDS = 0.1
_NO_TIME = 0.001  # zero would not be recorded
_TRIES: dict[str, Any] = {"retries_allowed": True, "max_attempts": 6}


class _NoDigest:
    """Nobody is told of drafts here, as in the product's runs."""

    async def wake(self) -> None:
        raise AssertionError("nobody wanted to be told")


class Doing:
    """The product's activities; set once this process is connected."""

    sales: SalesActivities
    notices: NoticeActivities
    payments: PaymentActivities


def connect(settings: Settings, adapters: Adapters) -> None:
    alerts = Alerts(adapters.ledger, _NoDigest(), enabled=False)
    source = SharedSales(adapters.sales, adapters.ledger)
    comparing = SheetComparer(source, adapters.ledger, settings.decimal_separator)
    Doing.sales = SalesActivities(source, comparing, adapters.ledger, alerts, settings.decimal_separator)
    mails = connect_customer_mails(settings, adapters)
    bills = Bills(
        CustomerMessages(mails, None, adapters.ledger), adapters.ledger, cast(Collections, None)
    )  # everybody has a card
    Doing.notices = NoticeActivities(mails, alerts, adapters.ledger, comparing, bills)
    cashier = Cashier(adapters.payments, adapters.ledger)
    Doing.payments = PaymentActivities(cashier, adapters.ledger, Doing.notices.close_month)


@DBOS.step(**_TRIES)
async def collect(month: Month) -> Month:
    collected = await Doing.sales.import_sales(month)
    if collected.known is not None:
        return month.adopt(collected.known)
    assert collected.invoice is not None
    return month.drafted(collected.invoice, collected.remark)


@DBOS.step(**_TRIES)
async def notify(month: Month) -> Month:
    announcing = month.announcing(month.notice_at)
    delivered = await Doing.notices.send_notice(announcing)
    return announcing.delivered(delivered)


@DBOS.step(**_TRIES)
async def charge(month: Month) -> tuple[Month, bool]:
    """The month with its charge, and whether it is closed with it."""
    charging = month.begin_charge(month.charge_at)
    charged = await Doing.payments.charge_card(charging)
    return charging.charged(charged.result), charged.closed


@DBOS.step(**_TRIES)
async def close(month: Month) -> None:
    await Doing.notices.close_month(month)


@DBOS.workflow()
async def bill(month: Month, months: int) -> str:
    """One customer's month; then the next one is put in the queue, until ``months`` are billed."""
    await DBOS.sleep_async(_NO_TIME)
    month = await collect(month)
    await DBOS.sleep_async(_NO_TIME)
    month = await notify(month)
    await DBOS.sleep_async(_NO_TIME)
    month, closed = await charge(month)
    if not closed:
        await close(month)
    if months > 1:
        following = month.next_month()
        await DBOS.enqueue_workflow_with_options_async(in_queue(following), following, months - 1)
    return str(month.outcome)


def in_queue(month: Month) -> Any:
    """How a month is put in the queue: a repeat finds it there."""
    name = f"{month.customer.customer_id}-{month.period}"
    return {"workflow_name": bill.__qualname__, "queue_name": QUEUE, "workflow_id": name}


async def _main() -> None:
    settings = load_settings()
    url = settings.ledger.replace("postgresql+psycopg:", "postgresql:")
    config: DBOSConfig = {"name": "billing", "system_database_url": url, "log_level": "WARNING"}
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    async with connect_adapters(settings) as adapters:
        connect(settings, adapters)
        DBOS(config=config)
        DBOS.launch()
        await DBOS.register_queue_async(QUEUE, worker_concurrency=_AT_ONCE, polling_interval_sec=_POLL_SECONDS)
        print(READY, flush=True)
        await stop.wait()
        await asyncio.to_thread(DBOS.destroy)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    asyncio.run(_main())
