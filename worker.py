"""The worker process: settings -> adapters -> activities -> Workers. Any number may run; SIGTERM ends one in order."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.brake import BrakeActivities
from activities.collections import CollectionActivities
from activities.failures import Failures
from activities.ladder import LadderActivities
from activities.ledger import LedgerActivities
from activities.notices import NoticeActivities
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.sales import SalesActivities
from activities.service_orders import ServiceOrderActivities
from billing.errors import BillingError
from billing.model import build_models
from bootstrap import (
    Adapters,
    connect_adapters,
    connect_alerts,
    connect_checkouts,
    connect_completeness,
    connect_customer_mails,
    connect_digest_trigger,
    connect_digests,
    connect_dispatcher,
    connect_reconciliation,
    connect_sales,
    connect_sheet_comparer,
    connect_temporal,
    ladder_terms,
)
from bootstrap_gateways import connect_gateway_reader
from bootstrap_procedures import connect_procedures
from bootstrap_registers import connect_register_folder
from bootstrap_texts import connect_customer_messages, connect_text_reports
from clients.collection_commands import CollectionSignals
from clients.schedules import COMPLETENESS, RECONCILIATION, ensure_daily
from process.files import private_files
from process.logs import start_logging
from process.memory import cached_workflows, memory_bytes
from process.shutdown import GRACE, Ending, KeptRuns
from process.temporal import connect_runtime
from process.threads import WorkflowThreads
from services.bills import Bills
from services.cashier import Cashier
from services.messages.collection_messages import CollectionMessages
from services.shared_sales import Sales
from settings import Settings, load_settings
from workflows.answers import Answers
from workflows.daily import DailyCompleteness, DailyReconciliation
from workflows.digest import ReviewerDigest
from workflows.monthly_billing import MonthlyBilling
from workflows.options import CHARGES_QUEUE, TASK_QUEUE
from workflows.order_fulfilment import OrderFulfilment
from workflows.payment_collection import PaymentCollection
from workflows.service_order_fulfilment import ServiceOrderFulfilment

READY = "worker ready"


async def main() -> int:
    """Serves until SIGTERM or SIGINT; running activities then get half a minute to finish. Returns the exit code."""
    settings = load_settings()
    start_logging(settings.log_level, form=settings.log)
    connect_procedures(settings)  # a faulty one is told now, not when an order needs it
    async with connect_adapters(settings) as adapters:
        runtime = connect_runtime(settings)
        client = await connect_temporal(settings, runtime=runtime)
        await ensure_daily(client, RECONCILIATION)
        await ensure_daily(client, COMPLETENESS)
        digest = connect_digest_trigger(settings, client)
        await digest.wake()  # a crash may have left an alert
        threads = WorkflowThreads()
        ending = Ending(threads)
        kept = KeptRuns(runtime.metric_meter, adapters.ledger, digest)
        dispatcher = connect_dispatcher(settings, adapters, client, digest)
        alerts = connect_alerts(settings, adapters, digest)
        reader = connect_gateway_reader(settings, adapters, alerts)
        reports = connect_text_reports(settings, adapters, alerts)
        registers = connect_register_folder(settings, adapters.ledger)
        worker = create_worker(client, settings, adapters, threads=threads)
        async with dispatcher.open(), reader.open(), registers.open(), reports.open(), worker:
            money = "sandbox" if settings.sandbox else "REAL MONEY"
            rate = f"{settings.charge_rate:g} charges a second" if settings.charge_rate else "no charge limit"
            gc.freeze()  # exempts the objects loaded at startup from garbage collection
            logging.info("%s: task queue %s, %s, %s", READY, TASK_QUEUE, rate, money)
            await ending.begins(kept.report)
    return ending.code


def create_worker(
    client: Client,
    settings: Settings,
    adapters: Adapters,
    sales: Sales | None = None,
    threads: WorkflowThreads | None = None,
) -> AbstractAsyncContextManager[None]:
    """Serves, while it is entered, every workflow and activity of this application; ``sales`` None: by ``adapters``."""
    return _together(*workers(client, settings, adapters, sales, threads))


def workers(
    client: Client,
    settings: Settings,
    adapters: Adapters,
    sales: Sales | None = None,
    threads: WorkflowThreads | None = None,
) -> tuple[Worker, Worker]:
    """A worker for charges and one for everything else; neither runs yet.

    The server applies the rate of charges to all workers together; the last worker to poll sets it.
    """
    build_models()
    activities, charging = _activities(client, settings, adapters, sales or connect_sales(adapters))
    billing = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[
            MonthlyBilling,
            PaymentCollection,
            OrderFulfilment,
            ServiceOrderFulfilment,
            DailyReconciliation,
            ReviewerDigest,
            DailyCompleteness,
        ],
        activities=activities,
        interceptors=[Failures(), Answers()],
        workflow_runner=UnsandboxedWorkflowRunner(),  # docs/decisions/0014: tests keep workflow code deterministic
        workflow_task_executor=threads or WorkflowThreads(),
        max_cached_workflows=settings.cached_workflows or cached_workflows(memory_bytes()),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=5),  # how long to wait for a killed worker
        graceful_shutdown_timeout=GRACE,
    )
    charges = Worker(
        client,
        task_queue=CHARGES_QUEUE,
        activities=charging,
        interceptors=[Failures()],
        max_task_queue_activities_per_second=settings.charge_rate,
        graceful_shutdown_timeout=GRACE,
    )
    return billing, charges


def _activities(
    client: Client, settings: Settings, adapters: Adapters, sales: Sales
) -> tuple[list[Callable[..., Any]], list[Callable[..., Any]]]:
    """All activities but charges, and those of the charges' queue."""
    ledger, mails = adapters.ledger, connect_customer_mails(settings, adapters)
    alerts = connect_alerts(settings, adapters, connect_digest_trigger(settings, client))
    digests = connect_digests(settings, adapters)
    comparer = connect_sheet_comparer(settings, adapters, sales)
    cashier, signals = Cashier(adapters.payments, ledger), CollectionSignals(client)
    told, terms = connect_customer_messages(settings, adapters, alerts), ladder_terms(settings)
    notices = NoticeActivities(mails, alerts, ledger, comparer, Bills(told, ledger, signals, terms))
    messages = CollectionMessages(told, ledger)
    collections = CollectionActivities(cashier, ledger, messages, alerts, signals, terms)
    ladder = LadderActivities(ledger, messages, alerts)
    links = connect_checkouts(settings, adapters) if settings.links.base_url else None
    orders, services = OrderActivities(ledger, alerts, links), ServiceOrderActivities(ledger, links)
    return [
        orders.look_up_order,
        orders.release_order,
        orders.expire_order,
        orders.remind_of_order,
        services.look_up_service_order,
        services.pass_time_of_order,
        SalesActivities(sales, comparer, ledger, alerts, settings.decimal_separator).import_sales,
        notices.send_notice,
        notices.alert_reviewers,
        notices.close_month,
        LedgerActivities(ledger).record_month,
        BrakeActivities(ledger).await_release,
        collections.begin_collection,
        collections.count_owed,
        collections.remind_customer,
        ladder.restrict_service,
        ladder.tell_broken_promise,
        collections.alert_about_collection,
        collections.close_collection,
        collections.record_collection,
        digests.claim_digest,
        digests.tell_digest,
        digests.close_digest,
        connect_reconciliation(settings, adapters, client).reconcile,
        connect_completeness(settings, adapters, client, sales=sales).cover,
    ], [
        PaymentActivities(cashier, ledger, notices.close_month).charge_card,
        collections.try_card,
        collections.look_up_payment,
        collections.release_payment,
        collections.pay_on_session,
    ]


@asynccontextmanager
async def _together(*both: Worker) -> AsyncIterator[None]:
    """Runs both and stops them together: their activities share one grace period."""
    async with AsyncExitStack() as stack:
        for worker in both:
            await stack.enter_async_context(worker)
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in both))


def run() -> None:
    """The whole process."""
    private_files()
    try:
        code = asyncio.run(main())
    except BillingError as error:
        sys.exit(f"worker: {error}")
    logging.shutdown()
    os._exit(code)  # the SDK's threads can crash an interpreter that ends in order (temporalio/sdk-python issue 300)


if __name__ == "__main__":
    run()
