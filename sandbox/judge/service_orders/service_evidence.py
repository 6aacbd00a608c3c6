"""All that is known of service orders and of planned works: by the office's papers, and by the ledger."""

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from billing.announcements.announcement import Announcement, Recipient
from billing.announcements.ports import PAGE_ANNOUNCEMENTS, PAGE_RECIPIENTS, Announcements
from billing.events.event import Destination, OutgoingEvent
from billing.mails.mail import StepMessageRow
from billing.receivables.journal import Cause
from billing.receivables.listing import JournalRow
from billing.subscribers.ports import Services
from billing.subscribers.service import ServiceChange
from billing.tariffs.items import Agreed
from billing.tariffs.ports import AgreedItems
from billing.tasks.documents import Document
from billing.tasks.listing import TaskFilter
from billing.tasks.log import TaskEntry
from billing.tasks.ports import TaskDocuments, TaskListing
from billing.tasks.task import Task
from billing.texts.ports import TextStore
from billing.texts.text import TextRow
from orders.changes import Change
from orders.ports import OrderLogEntry
from orders.service.ports import PAGE_ROWS, ServiceFilter, ServiceOrders, ServiceShown
from orders.service.service_order import ServiceOrder, ServiceRequest, StepRecord
from sandbox.judge.orders.order_books import OrderFacts
from sandbox.judge.service_orders.plan import Plan
from sandbox.stand_ins.office import OFFICE, Deed, Papers, papers

_ALL = 1_000_000
_UNPAID_ENDS = ("expired", "refused")


class ServiceOrderLedger(
    AgreedItems, Announcements, ServiceOrders, Services, TaskDocuments, TaskListing, TextStore, Protocol
):
    """The part of the ledger that is read here."""

    def outgoing_events(self, *, undelivered_only: bool = False) -> AsyncIterator[list[OutgoingEvent]]:
        """The outbox, in pages."""

    async def step_messages(self, customer_id: str, limit: int = 100) -> list[StepMessageRow]:
        """The mails about steps of the customer's orders."""


@dataclass(frozen=True)
class TaskEvidence:
    task: Task
    log: list[TaskEntry]
    documents: list[Document]


@dataclass(frozen=True)
class ServiceOrderEvidence:
    """One order. ``request`` None: nobody has asked for it. ``money``: the entries by which its fee is owed."""

    shown: ServiceShown
    request: ServiceRequest | None
    plan: Plan
    deeds: list[Deed]
    changes: list[Change]
    tasks: list[TaskEvidence]
    money: list[JournalRow]

    @property
    def order(self) -> ServiceOrder:
        return self.shown.order

    @property
    def number(self) -> str:
        return self.order.number

    @property
    def name(self) -> str:
        return f"order {self.number}"

    @property
    def records(self) -> tuple[StepRecord, ...]:
        return self.shown.steps

    @property
    def log(self) -> tuple[OrderLogEntry, ...]:
        return self.shown.log

    def records_of(self, kind: str) -> list[StepRecord]:
        """The steps of a kind that were begun."""
        return [record for record in self.records if self.plan.kind(record.step) == kind]

    def deeds_for(self, step: str) -> list[Deed]:
        return [deed for deed in self.deeds if deed.step == step]

    @cached_property
    def asked_fees(self) -> list[tuple[StepRecord, int]]:
        """The payments of fees at which the order has stood, with their amounts."""
        fees = ((each, self.plan.fee_minor(each.step, self.order.currency)) for each in self.records_of("payment"))
        return [(record, minor) for record, minor in fees if minor is not None]

    @property
    def is_fee_given_up(self) -> bool:
        """Whether it was cancelled, refused or left to expire after it was asked for."""
        outcomes = {record.outcome for record, _ in self.asked_fees}
        was_asked = [entry for entry in self.log if entry.what == "cancelled"] and self.asked_fees
        return bool(was_asked) or not outcomes.isdisjoint(_UNPAID_ENDS)

    @property
    def facts(self) -> OrderFacts | None:
        """Its fee in the books, if one was asked for."""
        if not self.asked_fees:
            return None
        first, minor = self.asked_fees[0]
        return OrderFacts(self.order.currency, (minor,), self.is_fee_given_up, first.began_at, 0)


@dataclass(frozen=True)
class AnnouncementEvidence:
    announcement: Announcement
    recipients: list[Recipient]


@dataclass(frozen=True)
class ServiceOrdersEvidence:
    """``histories`` by account, ``agreed``, ``mails`` and ``texts`` by customer, of all who have orders, texts also of
    whoever was told of works; ``waiting``: what customers are still to be told, in contact hours. Without any paper,
    what people should have done is not judged.
    """

    is_on_paper: bool = True
    papers: Papers = field(default_factory=Papers)
    orders: list[ServiceOrderEvidence] = field(default_factory=list)
    histories: Mapping[str, list[ServiceChange]] = field(default_factory=dict)
    agreed: Mapping[str, Agreed] = field(default_factory=dict)
    mails: Mapping[str, list[StepMessageRow]] = field(default_factory=dict)
    texts: Mapping[str, list[TextRow]] = field(default_factory=dict)
    announcements: list[AnnouncementEvidence] = field(default_factory=list)
    waiting: list[OutgoingEvent] = field(default_factory=list)

    @property
    def anything(self) -> bool:
        return bool(self.orders or self.announcements)

    def facts(self, customer_id: str) -> dict[str, OrderFacts]:
        """The fees of a customer, as orders in their books."""
        own = (each for each in self.orders if each.order.customer_id == customer_id)
        return {f"fee {each.number}": facts for each in own if (facts := each.facts)}


async def read_service_orders(
    folder: Path, ledger: ServiceOrderLedger, unpaid: Mapping[str, list[JournalRow]]
) -> ServiceOrdersEvidence:
    """``unpaid`` are the entries by which something is owed for an order, by its number."""
    written = papers(folder / OFFICE)
    found = [await _order(ledger, written, shown, unpaid) for shown in await _all_shown(ledger)]
    waiting = [event async for page in ledger.outgoing_events(undelivered_only=True) for event in page]
    announcements = [await _announcement(ledger, each) for each in await _all_announcements(ledger)]
    accounts = {each.order.account for each in found if each.order.account}
    customers = {each.order.customer_id for each in found}
    texted = customers | {one.customer_id for each in announcements for one in each.recipients}
    return ServiceOrdersEvidence(
        is_on_paper=(folder / OFFICE).exists(),
        papers=written,
        orders=found,
        histories={number: await ledger.service_changes(number) for number in accounts},
        agreed={customer_id: await ledger.agreed(customer_id) for customer_id in customers},
        mails={customer_id: await ledger.step_messages(customer_id, _ALL) for customer_id in customers},
        texts={customer_id: await ledger.texts(customer_id, _ALL) for customer_id in texted},
        announcements=announcements,
        waiting=[event for event in waiting if event.destination in (Destination.CUSTOMER, Destination.ANNOUNCEMENT)],
    )


async def owners_of_services(ledger: ServiceOrders) -> dict[str, str]:
    """The customer of each service order that the ledger knows, by number."""
    owners: dict[str, str] = {}
    while rows := (await ledger.service_orders(ServiceFilter(), offset=len(owners))).rows:
        owners |= {row.standing.number: row.standing.customer_id for row in rows}
        if len(rows) < PAGE_ROWS:
            break
    return owners


async def _all_shown(ledger: ServiceOrders) -> list[ServiceShown]:
    shown = [await ledger.service_order(number) for number in await owners_of_services(ledger)]
    return [each for each in shown if each is not None]


async def _order(
    ledger: ServiceOrderLedger, written: Papers, shown: ServiceShown, unpaid: Mapping[str, list[JournalRow]]
) -> ServiceOrderEvidence:
    number = shown.order.number
    wanted = TaskFilter(order_number=number, open_only=False)
    tasks = sorted(await ledger.tasks(wanted, _ALL), key=lambda task: task.number)
    return ServiceOrderEvidence(
        shown=shown,
        request=written.requests.get(number),
        plan=Plan(written.procedures.get(number) or shown.order.procedure.model_dump(mode="json")),
        deeds=written.deeds[number],
        changes=written.changes[number],
        tasks=[
            TaskEvidence(task, await ledger.task_log(task.number), await ledger.documents(task.number))
            for task in tasks
        ],
        money=unpaid.get(number, []),
    )


async def _all_announcements(ledger: Announcements) -> list[Announcement]:
    found: list[Announcement] = []
    while rows := await ledger.announcements(offset=len(found)):
        found += [row.announcement for row in rows]
        if len(rows) < PAGE_ANNOUNCEMENTS:
            break
    return found[::-1]


async def _announcement(ledger: Announcements, announcement: Announcement) -> AnnouncementEvidence:
    found: list[Recipient] = []
    while page := await ledger.recipients(announcement.number, after=found[-1].account if found else ""):
        found += page
        if len(page) < PAGE_RECIPIENTS:
            break
    return AnnouncementEvidence(announcement, found)


def bills_of(rows: Iterable[JournalRow], cause: Cause) -> list[int]:
    """What was billed, or voided, in each transaction of this cause."""
    return [row.amount_minor for row in rows if row.cause is cause and row.kind == "receivable"]
