"""The worker process: settings -> adapters -> activities -> Workers. Run as many as you like; SIGTERM ends one well."""

import asyncio
import gc
import logging
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.brake import BrakeActivities
from activities.collections import CollectionActivities
from activities.failures import Failures
from activities.ledger import LedgerActivities
from activities.notices import NoticeActivities
from activities.payments import PaymentActivities
from activities.sales import SalesActivities
from billing.errors import BillingError
from bootstrap import (
    Adapters,
    connect_adapters,
    connect_alerts,
    connect_completeness,
    connect_customer_mails,
    connect_digest_trigger,
    connect_digests,
    connect_reconciliation,
    connect_runtime,
    connect_sales,
    connect_sheet_comparer,
    connect_temporal,
)
from clients.schedules import COMPLETENESS, RECONCILIATION, ensure_daily
from process.logs import start_logging
from process.memory import cached_workflows, memory_bytes
from process.shutdown import GRACE, Ending, KeptRuns
from process.threads import WorkflowThreads
from services.cashier import Cashier
from services.shared_sales import Sales
from settings import Settings, load_settings, private_files
from workflows.answers import Answers
from workflows.completeness import DailyCompleteness
from workflows.digest import ReviewerDigest
from workflows.monthly_billing import MonthlyBilling
from workflows.options import CHARGES_QUEUE, TASK_QUEUE
from workflows.payment_collection import PaymentCollection
from workflows.reconciliation import DailyReconciliation

READY = "worker ready"


async def main() -> int:
    """Serves until SIGTERM or SIGINT; activities that run then get half a minute to finish. Answers the exit code."""
    settings = load_settings()
    start_logging(settings.log_level)
    async with connect_adapters(settings) as adapters:
        runtime = connect_runtime(settings)
        client = await connect_temporal(settings, runtime=runtime)
        await ensure_daily(client, RECONCILIATION)
        await ensure_daily(client, COMPLETENESS)
        digest = connect_digest_trigger(settings, client)
        await digest.wake()  # an alert may have been left by a crash
        threads = WorkflowThreads()
        ending = Ending(threads)
        kept = KeptRuns(runtime.metric_meter, adapters.ledger, digest)
        async with create_worker(client, settings, adapters, threads=threads):
            money = "sandbox" if settings.sandbox else "REAL MONEY"
            rate = f"{settings.charge_rate:g} charges a second" if settings.charge_rate else "as many charges as come"
            gc.freeze()  # what is loaded by now stays, and need not be told from what months leave behind
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
    """One for all but charges, one for charges; neither runs yet.

    The rate of charges is the server's, for all workers together; the last to ask says what it is.
    """
    letters = connect_customer_mails(settings, adapters)
    alerts = connect_alerts(settings, adapters, connect_digest_trigger(settings, client))
    digests = connect_digests(settings, adapters)
    source = sales or connect_sales(adapters)
    comparing = connect_sheet_comparer(settings, adapters, source)
    notices = NoticeActivities(letters, alerts, adapters.ledger, comparing)
    cashier = Cashier(adapters.payments, adapters.ledger)
    collections = CollectionActivities(cashier, adapters.ledger, letters, alerts)
    drafting = SalesActivities(source, comparing, adapters.ledger, alerts, settings.decimal_separator)
    billing = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=[MonthlyBilling, PaymentCollection, DailyReconciliation, ReviewerDigest, DailyCompleteness],
        activities=[
            drafting.import_sales,
            notices.send_notice,
            notices.alert_reviewers,
            notices.close_month,
            LedgerActivities(adapters.ledger).record_month,
            BrakeActivities(adapters.ledger).await_release,
            collections.remind_customer,
            collections.alert_about_collection,
            collections.close_collection,
            collections.record_collection,
            digests.claim_digest,
            digests.tell_digest,
            digests.close_digest,
            connect_reconciliation(settings, adapters, client).reconcile,
            connect_completeness(settings, adapters, client, sales=source).cover,
        ],
        interceptors=[Failures(), Answers()],
        workflow_runner=UnsandboxedWorkflowRunner(),  # docs/decisions/0014: tests keep workflow code deterministic
        workflow_task_executor=threads or WorkflowThreads(),
        max_cached_workflows=settings.cached_workflows or cached_workflows(memory_bytes()),
        sticky_queue_schedule_to_start_timeout=timedelta(seconds=5),  # how long a killed worker is waited for
        graceful_shutdown_timeout=GRACE,
    )
    charges = Worker(
        client,
        task_queue=CHARGES_QUEUE,
        activities=[
            PaymentActivities(cashier, adapters.ledger, notices.close_month).charge_card,
            collections.try_card,
            collections.look_up_payment,
            collections.release_payment,
            collections.pay_on_session,
        ],
        interceptors=[Failures()],
        max_task_queue_activities_per_second=settings.charge_rate,
        graceful_shutdown_timeout=GRACE,
    )
    return billing, charges


@asynccontextmanager
async def _together(*both: Worker) -> AsyncIterator[None]:
    """They run together and are stopped at the same time: activities have one grace period for both."""
    async with AsyncExitStack() as stack:
        for worker in both:
            await stack.enter_async_context(worker)
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in both))


def run() -> None:
    """The process from its first to its last moment."""
    private_files()
    try:
        code = asyncio.run(main())
    except BillingError as error:
        sys.exit(f"worker: {error}")
    logging.shutdown()
    os._exit(code)  # the SDK's threads can crash an interpreter that ends in order (temporalio/sdk-python issue 300)


if __name__ == "__main__":
    run()
