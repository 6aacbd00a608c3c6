"""What the tests of announcements share: subscribers on some nodes, works, and a dispatcher that sends the pages."""

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import insert

from adapters.sql.core.rows import customer_values
from adapters.sql.ledger import SqlLedger
from adapters.sql.schema.billers import service_accounts
from adapters.sql.schema.months import customers
from billing.announcements.announcement import Announcement, RecipientState, Works
from billing.announcements.audience import Audience
from billing.customers.account_numbers import check_digit
from billing.customers.contact_hours import ContactHours
from billing.customers.customer import Customer, Terms
from billing.events.event import Destination
from billing.payments.methods import BillPayer
from billing.subscribers.service import ServiceCause, ServiceState
from billing.tasks.areas import address_key
from process.settings.texts import TextTerms
from sandbox.timeline import until
from services.alerts import Alerts
from services.announcements.desk import AnnouncementDesk
from services.announcements.pages import AnnouncementSender
from services.events.dispatcher import EventDispatcher
from services.messages.customer_texts import CustomerTexts

ZONE = "Asia/Almaty"
MORNING = datetime(2026, 12, 1, 5, tzinfo=UTC)  # ten o'clock there, on a Tuesday
DAY = timedelta(days=1)
WORKS = Works(
    starts_at=MORNING + DAY, ends_at=MORNING + DAY + timedelta(hours=2), timezone=ZONE, reason="новый коммутатор"
)
NORTH = Audience(nodes=("north-1",))
HOURS = ContactHours()
SECONDS = 60.0
QUICKLY = timedelta(milliseconds=20)
TERMS = TextTerms(price="4.50 KZT", segments=2)


class Person(NamedTuple):
    """A customer with accounts on these nodes; of ``phone`` None no number is known."""

    name: str
    phone: str | None
    nodes: tuple[str, ...] = ("north-1",)
    timezone: str = ZONE
    address: str = "Abay Ave. 1"


def phone(place: int) -> str:
    return f"+7701{place:07}"


def account(place: int) -> str:
    return f"{10_000 + place}{check_digit(str(10_000 + place))}"


def many(count: int) -> list[Person]:
    return [Person(f"c{place:05}", phone(place)) for place in range(count)]


async def settle_in(ledger: SqlLedger, people: Iterable[Person], at: datetime = MORNING) -> None:
    """They have their accounts, which work; all at once, for there may be many."""
    people = list(people)
    parties = [customer_values(_customer(person)) | {"created_at": at, "updated_at": at} for person in people]
    homes = [(person, node) for person in people for node in person.nodes]
    rows = [
        {
            "number": account(place),
            "customer_id": person.name,
            "opened_at": at,
            "opened_by": "ann",
            "opened_why": "contract",
            "address": person.address,
            "address_key": address_key(person.address),
            "node": node,
            "state": ServiceState.ACTIVE,
            "cause": ServiceCause.CONNECTED,
            "state_at": at,
            "position": 2,
        }
        for place, (person, node) in enumerate(homes)
    ]

    def write() -> None:
        with ledger._writing("settle people in") as connection:
            connection.execute(insert(customers), parties)
            connection.execute(insert(service_accounts), rows)

    await ledger.run(write)


def _customer(person: Person) -> Customer:
    return Customer(
        customer_id=person.name,
        email=f"{person.name}@example.com",
        name=person.name,
        currency="kzt",
        timezone=person.timezone,
        phone=person.phone,
        payment_method=BillPayer(),
        terms=Terms(),
    )


def desk_of(ledger: SqlLedger, terms: TextTerms = TERMS) -> AnnouncementDesk:
    return AnnouncementDesk(ledger, terms, terms, HOURS, ZONE)


async def approved(ledger: SqlLedger, audience: Audience = NORTH, key: str = "a1") -> Announcement:
    desk = desk_of(ledger)
    draft = await desk.create(key, WORKS, audience, "ann", MORNING)
    return await desk.approve(draft.number, "bob", "checked with the crew", MORNING)


class Clock:
    def __init__(self, at: datetime = MORNING) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at


class _Waker:
    async def wake(self) -> None:
        """No digest is sent here."""


def alerts_of(ledger: SqlLedger) -> Alerts:
    return Alerts(ledger, _Waker(), enabled=True)


@asynccontextmanager
async def sending(
    ledger: SqlLedger, texts: CustomerTexts, clock: Clock, claim: timedelta = timedelta(minutes=1)
) -> AsyncIterator[None]:
    """What sends the pages, as in every worker."""
    sender = AnnouncementSender(ledger, texts, HOURS, clock.now, QUICKLY)
    dispatcher = EventDispatcher(
        ledger,
        {Destination.ANNOUNCEMENT: sender},
        alerts_of(ledger),
        claim=claim,
        pause=lambda tries: QUICKLY * tries,
        poll=QUICKLY,
    )
    async with dispatcher.open():
        yield


async def all_pages_sent(ledger: SqlLedger) -> None:
    async def done() -> bool:
        return not [page async for page in ledger.outgoing_events(undelivered_only=True)]

    await until(done, SECONDS)


async def counts(ledger: SqlLedger, number: int) -> dict[str, int]:
    """How many accounts are in each state; of those who are not told, why."""
    progress = await ledger.announcement_progress(number)
    found: dict[str, int] = {}
    for tally in progress.tallies:
        name = tally.why or tally.state if tally.state is RecipientState.EXCLUDED else tally.state
        found[name] = found.get(name, 0) + tally.accounts
    return found
