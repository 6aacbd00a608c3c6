"""All that is known of orders: by their seller, by production, by the links' rails, and by the ledger."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from billing.payments.checkouts import Checkout
from billing.receivables.journal import AccountKind, Cause
from billing.receivables.listing import JournalRow
from billing.receivables.ports import THE_BEGINNING, THE_END, GeneralLedger
from billing.reviewers.brake import Brake
from billing.reviewers.ports import BrakeControl
from orders.changes import Change
from orders.order import OrderRequest, OrderStanding, Release
from orders.ports import PAGE_ROWS, OrderFilter, OrderListing, OrderLogEntry, OrderVersion
from sandbox.judge.orders.order_books import OrderFacts
from sandbox.judge.rails.gateway_register import GatewayRegister
from sandbox.judge.rails.stripe_journal import StripeJournal
from sandbox.stand_ins.production import calls
from sandbox.stand_ins.seller import placed

_UNPAID = (AccountKind.RECEIVABLE, AccountKind.WRITTEN_OFF)


class OrderLedger(BrakeControl, GeneralLedger, OrderListing, Protocol):
    """The part of the ledger that is read here."""

    async def checkouts(self, customer_id: str | None = None) -> list[Checkout]:
        """All links ever."""


@dataclass(frozen=True)
class OrderEvidence:
    """One order. ``request`` None: nobody has placed it. ``unpaid``: the entries by which it is owed, oldest first."""

    standing: OrderStanding
    request: OrderRequest | None
    asked: list[Change]
    versions: list[OrderVersion]
    log: list[OrderLogEntry]
    unpaid: list[JournalRow]

    @property
    def number(self) -> str:
        return self.standing.order.number

    @property
    def name(self) -> str:
        """As in the judge's books."""
        return f"order {self.number}"

    @property
    def customer_id(self) -> str:
        return self.standing.order.customer_id

    @property
    def releases(self) -> tuple[Release, ...]:
        return self.standing.order.releases

    @property
    def facts(self) -> OrderFacts:
        order = self.standing.order
        prices = tuple(sum(line.amount_minor for line in version.agreed.lines) for version in self.versions)
        return OrderFacts(order.currency, prices, order.end is not None, order.opened_at, order.tolerance_minor)

    @property
    def ended_at(self) -> int | None:
        """The journal's position of its end: of the reversal of its bill that no other bill has followed."""
        bills = [row for row in self.unpaid if row.cause in (Cause.NOTICE, Cause.VOID)]
        return bills[-1].number if bills and bills[-1].cause is Cause.VOID else None

    def owed_at(self, position: int) -> int:
        return sum(row.amount_minor for row in self.unpaid if row.number <= position)

    @property
    def owed_minor(self) -> int:
        return sum(row.amount_minor for row in self.unpaid)

    def version_at(self, position: int) -> int:
        """How many bills it had by then."""
        return sum(row.cause is Cause.NOTICE and row.number <= position for row in self.unpaid)


@dataclass(frozen=True)
class OpenLink:
    """A page where an order can still be paid."""

    checkout: Checkout
    amount_minor: int


@dataclass(frozen=True)
class OrdersEvidence:
    """``jobs`` are production's calls that began something; ``brakes`` every pull, oldest first."""

    orders: list[OrderEvidence] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)  # what was placed, and the ledger does not know
    jobs: list[dict[str, Any]] = field(default_factory=list)
    brakes: list[Brake] = field(default_factory=list)
    open_links: list[OpenLink] = field(default_factory=list)

    @property
    def is_braked(self) -> bool:
        return bool(self.brakes) and self.brakes[-1].on

    def facts(self, customer_id: str) -> dict[str, OrderFacts]:
        return {order.name: order.facts for order in self.orders if order.customer_id == customer_id}


async def owners_of(ledger: OrderListing) -> dict[str, str]:
    """The buyer of each order that the ledger knows, by number."""
    owners: dict[str, str] = {}
    while rows := (await ledger.orders(OrderFilter(), offset=len(owners))).rows:
        owners |= {row.number: row.customer_id for row in rows}
        if len(rows) < PAGE_ROWS:
            break
    return owners


async def read_orders(
    folder: Path,
    ledger: OrderLedger,
    owners: Mapping[str, str],
    unpaid: Mapping[str, list[JournalRow]],
    pages: list[OpenLink],
) -> OrdersEvidence:
    """Of the orders in ``owners``; ``unpaid`` are the entries by which they are owed, by number."""
    seller = placed(folder / "seller.jsonl")
    found = []
    for number in owners:
        standing = await ledger.order(number)
        assert standing is not None
        found.append(
            OrderEvidence(
                standing=standing,
                request=seller.requests.get(number),
                asked=seller.changes[number],
                versions=await ledger.order_versions(number),
                log=await ledger.order_log(number),
                unpaid=unpaid.get(number, []),
            )
        )
    begun = [call for call in calls(folder / "production.jsonl") if not call["is_copy"]]
    unknown = sorted(seller.requests.keys() - owners.keys())
    return OrdersEvidence(found, unknown, begun, (await ledger.brakes())[::-1], pages)


async def unpaid_entries(ledger: GeneralLedger) -> dict[str, list[JournalRow]]:
    """Of all orders and fees of service orders, by number, in the order of the journal."""
    rows: defaultdict[str, list[JournalRow]] = defaultdict(list)
    async for page in ledger.journal(THE_BEGINNING, THE_END):
        for row in page:
            kind, _, number = (row.subject or "").partition(" ")
            if kind in ("order", "fee") and row.kind in _UNPAID:
                rows[number].append(row)
    return dict(rows)


def open_pages(links: list[Checkout], journal: StripeJournal, gateway: GatewayRegister) -> Iterator[OpenLink]:
    """The pages of orders that can still be paid, by the rails' own word."""
    at_stripe = {page["client_reference_id"]: page for page in journal.sessions.values() if page["status"] == "open"}
    for link in links:
        attempt = gateway.attempts.get(link.checkout_id)
        if link.subject.kind != "order":
            continue
        if page := at_stripe.get(link.checkout_id):
            yield OpenLink(link, page["amount_total"])
        elif attempt is not None and attempt.is_open:
            yield OpenLink(link, attempt.amount_minor)
