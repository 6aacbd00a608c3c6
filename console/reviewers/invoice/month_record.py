"""Everything on record about one month: from its workflow if it answers, else from the ledger."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from temporalio.client import Client

from billing.collections.debt import Debt
from billing.collections.ports import CollectionStore
from billing.collections.stages import DiaryEntry
from billing.collections.summary import ladder_lines
from billing.completeness.chains import ChainStatus, StoppedCollection
from billing.errors import TemporalUnavailable
from billing.invoices.commands import Decision
from billing.invoices.invoice import Invoice
from billing.invoices.month import Month
from billing.invoices.ports import InvoiceListing, InvoiceRow, MonthHistory, MonthStore, VersionRow
from billing.keys import workflow_id
from billing.mails.mail import MessageRow, MessageStore
from billing.payments.ports import ChargeRow, PaymentBooks, ReversalRow
from billing.period import Period
from billing.texts.ports import TextStore
from billing.texts.text import TextRow
from clients.month_commands import Unanswered, query_month
from clients.running_workflows import RunningWorkflows, described
from clients.standstill import PATIENCE
from clients.start import handle_for
from console.reviewers.temporal_links import TemporalLinks
from workflows.monthly_billing import MonthlyBilling

_RECORDING_SECONDS = 5.0  # how far the ledger may be behind an answer before the page stops waiting for it
_LOOK_SECONDS = 0.05

_log = logging.getLogger(__name__)


class MonthRecordLedger(
    CollectionStore, InvoiceListing, MessageStore, MonthHistory, MonthStore, PaymentBooks, TextStore, Protocol
):
    """What is needed of the ledger here."""


@dataclass(frozen=True)
class MonthRecord:
    """A month and its records. ``live``: the month is the workflow's answer; else it is as the ledger last had it.

    ``chain``: the status of an open month's workflow; None if Temporal does not answer, or the month is closed.
    """

    month: Month
    live: bool
    chain: ChainStatus | None
    stray: str  # the id of a workflow that bills the customer instead of their own; "" if there is none
    run_url: str
    now: datetime  # the real instant, or that of the newest record if a rehearsal has skipped time
    periods: Sequence[Period]  # of the customer, oldest first
    history: Sequence[InvoiceRow]  # the customer's months as last recorded
    decisions: Sequence[Decision]
    versions: Sequence[VersionRow]
    messages: Sequence[MessageRow]
    texts: Sequence[TextRow]
    charges: Sequence[ChargeRow]
    reversals: Sequence[ReversalRow]
    debt: Debt | None  # what it left unpaid
    ladder: Sequence[str]  # where the account stands on its ladder, in sentences
    stopped: StoppedCollection | None  # if the collection makes no progress, as far as we know
    diary: Sequence[DiaryEntry]

    @property
    def goes_on(self) -> bool:
        """Whether the month goes on by itself, as far as we know."""
        return self.chain in (None, ChainStatus.RUNNING)

    def answer_to(self, command_id: str) -> Decision | None:
        """The decision on a command, if it is on record."""
        return next((entry for entry in self.decisions if command_id and entry.command_id == command_id), None)

    def seen(self, version: int, digest: str) -> Invoice | None:
        """The invoice as a reviewer saw it; None if that was never on record."""
        for row in self.versions:
            if (row.version, row.digest) == (version, digest):
                return row.invoice
        return None


class MonthRecords:
    """``ui_url`` is where Temporal's web page is reached ("": no links to it)."""

    def __init__(self, client: Client, ledger: MonthRecordLedger, ui_url: str) -> None:
        self._client = client
        self._ledger = ledger
        self._links = TemporalLinks.to(ui_url, client)

    async def open(self, customer_id: str, period: Period, command_id: str = "") -> MonthRecord | None:
        """None if there is no such month. Waits until the answer to ``command_id`` is on record."""
        give_up_at = asyncio.get_running_loop().time() + _RECORDING_SECONDS
        while True:
            record = await self._read(customer_id, period)
            late = asyncio.get_running_loop().time() > give_up_at
            if record is None or not command_id or record.answer_to(command_id) or late:
                return record
            await asyncio.sleep(_LOOK_SECONDS)

    async def _read(self, customer_id: str, period: Period) -> MonthRecord | None:
        decisions = await self._ledger.decisions(customer_id, period)  # first: a decision is shown with its effect
        rows = await self._ledger.invoices(customer_id=customer_id)
        recorded = await self._ledger.month(customer_id, period)
        running, chain, stray, run_url = None, None, "", self._links.of_customer(customer_id, period)
        if recorded is None or recorded.outcome is None:
            running, chain, run_url = await self._running(customer_id, period, run_url)
        if chain is not None and not chain.is_open:
            stray = await self._stray(customer_id)
        month = running or recorded
        if month is None:
            return None
        decisions += [entry for entry in month.decisions if entry.number > len(decisions)]
        collection = await self._ledger.collection(customer_id, period)
        now = max([datetime.now(UTC), *(row.updated_at for row in rows if row.period == period)])
        return MonthRecord(
            month=month,
            live=running is not None,
            chain=chain,
            stray=stray,
            run_url=run_url,
            now=now,
            periods=sorted({period, *(row.period for row in rows)}),
            history=rows,
            decisions=decisions,
            versions=_versions(await self._ledger.versions(customer_id, period), month, decisions),
            messages=await self._ledger.messages(customer_id, period),
            texts=[row.shown for row in await self._ledger.texts(customer_id, period=period)],
            charges=await self._ledger.payments(customer_id, period),
            reversals=await self._ledger.reversals(period, customer_id),
            debt=(debt := collection.debt(period) if collection else None),
            ladder=ladder_lines(collection, now) if collection else (),
            stopped=await self._stopped(customer_id, debt),
            diary=await self._ledger.diary(customer_id, period),
        )

    async def _running(
        self, customer_id: str, period: Period, listed: str
    ) -> tuple[Month | None, ChainStatus | None, str]:
        """The month, if the customer's workflow is in it; the workflow's status, and the address of its run.

        A closed workflow is not asked: it would answer as if it still ran.
        """
        try:
            chain, run_id = await described(self._client, workflow_id(customer_id), PATIENCE)
        except TemporalUnavailable as error:
            _log.warning("%s, %s: shown as last recorded: %s", customer_id, period, error)
            return None, None, listed
        handle = handle_for(self._client, customer_id)
        run_url = self._links.run(handle.id, run_id) or listed
        if chain is not ChainStatus.RUNNING:
            return None, chain, run_url
        try:
            month = await query_month(handle, MonthlyBilling.invoice, PATIENCE)
        except Unanswered as error:
            _log.warning("%s, %s: shown as last recorded: %s", customer_id, period, error)
            return None, chain, run_url
        return (month, chain, run_url) if month.period == period else (None, chain, listed)

    async def _stopped(self, customer_id: str, debt: Debt | None) -> StoppedCollection | None:
        if debt is not None and not debt.settled:
            with suppress(TemporalUnavailable):
                key = customer_id, debt.period
                for stopped in await RunningWorkflows(self._client, PATIENCE).stopped_collections([key]):
                    return stopped
        return None

    async def _stray(self, customer_id: str) -> str:
        with suppress(TemporalUnavailable):
            for stray in await RunningWorkflows(self._client, PATIENCE).strays():
                if stray.customer_id == customer_id:
                    return stray.workflow_id
        return ""


def _versions(rows: Sequence[VersionRow], month: Month, decisions: Sequence[Decision]) -> list[VersionRow]:
    """All versions, with the newest one, which the ledger may not have yet."""
    invoice = month.invoice
    if invoice is None or any((row.version, row.digest) == (invoice.version, invoice.digest) for row in rows):
        return list(rows)
    edits = [entry.at for entry in decisions if entry.command == "edit" and entry.accepted]
    newest = VersionRow(
        version=invoice.version,
        digest=invoice.digest,
        by=month.last_editor,
        at=edits[-1] if edits else invoice.imported_at,
        invoice=invoice,
    )
    return [*rows, newest]
