"""Shared by the tests of the customers' mails: one of each kind, and the months and collections that they are about."""

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.mail.mail_templates import render
from billing.collections.collection import Collection
from billing.customers.customer import Customer
from billing.invoices.invoice import Invoice, LineItem
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.invoices.versions import Correction
from billing.mails.mail import CustomerMail, CustomerMailKind, RenderedMail
from billing.payments.methods import CardOnFile
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.texts.text import Consequence, ConsequenceKind
from tests.debts import only
from tests.unit.collecting import arrived

NOTICE_AT = datetime(2026, 11, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
LINK = f"https://billing.example.com/pay/payment1.bakery-rosa.2026-10.{'x' * 60}"


def customer(**changes: Any) -> Customer:
    return Customer(
        customer_id="bakery-rosa",
        email="rosa@example.com",
        name="Rosa Lind",
        currency="eur",
        timezone="Europe/Paris",
        payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1", last4="4242"),
    ).evolve(**changes)


def announced(
    *lines: tuple[str, int], carried_minor: int = 0, period: str = "2026-10", now: datetime = NOTICE_AT, **changes: Any
) -> Month:
    """A month whose notice is about to leave."""
    who = customer(**changes)
    invoice = Invoice(
        currency=who.currency,
        imported_at=now - timedelta(days=3),
        carried_minor=carried_minor,
        lines=tuple(
            LineItem(line_id=f"row-{number}", description=description, amount_minor=amount_minor)
            for number, (description, amount_minor) in enumerate(lines or [("Beans", 12_000)], start=2)
        ),
    )
    return Month.open(who, Period(period)).drafted(invoice).announcing(now)


def charged(status: ChargeStatus, **codes: str) -> Month:
    return announced().charged(ChargeResult(status=status, at=NOTICE_AT, **codes))


def declined(code: str) -> Month:
    return charged(ChargeStatus.DECLINED, code="card_declined", decline_code=code)


def letter(kind: CustomerMailKind, month: Month, **more: Any) -> CustomerMail:
    if kind is CustomerMailKind.WITHDRAWN:
        more.setdefault("correction", Correction(told_at=NOTICE_AT, told_minor=12_000))
    return CustomerMail(kind=kind, message_id="<1@billing>", to=month.customer.mailbox, month=month, **more)


def mail(kind: CustomerMailKind, month: Month, **more: Any) -> RenderedMail:
    return render(letter(kind, month, **more))


def contacted(month: Month, days: int = 3) -> Collection:
    """What is collected of ``month``, when the schedule's last contact within ``days`` was made: nothing helped."""
    collection = Collection.open(month)
    for day in range(1, days + 1):
        now = collection.since + day * DAY
        if collection.next_contact is not None and now >= collection.next_contact:
            collection = collection.contacting(now)
            if debt := collection.acting:
                assert debt.answer is not None
                collection = collection.answered(debt.answer.evolve(at=now), collection)
            collection = collection.reminded(now)
    return collection


def reminder(month: Month, days: int = 3, link: str = LINK) -> CustomerMail:
    return letter(CustomerMailKind.REMINDER, month, collection=contacted(month, days), link=link)


def several(month: Month, days: int = 3, transfer: bool = False) -> CustomerMail:
    """The reminder of a customer who owes November, too, perhaps because a part of it was transferred."""
    collection = Collection.open(month)
    other = only(collection).evolve(period=Period("2026-11"), amount_minor=3_000, by_card=not transfer)
    now = collection.since + days * DAY
    collection = collection.owing(other, collection.since).contacting(now)
    while debt := collection.acting:
        assert debt.answer is not None
        collection = collection.answered(debt.answer.evolve(at=now), collection)
    return letter(CustomerMailKind.REMINDER, month, collection=collection, link=LINK)


def transferred(collection: Collection, *amounts_minor: int) -> Collection:
    """After transfers, one a day."""
    for number, amount_minor in enumerate(amounts_minor, start=1):
        collection = arrived(collection, 30 + number, amount_minor)
    return collection


def recovered(collection: Collection, at: datetime) -> Collection:
    paid = ChargeResult(status=ChargeStatus.SUCCEEDED, at=at, payment_id="pi_1")
    return collection.answered(paid, collection, collection.period)


def words(rendered: RenderedMail) -> tuple[str, str]:
    """The words of the text part and of the HTML part, each on one line."""
    seen = re.sub(r"<(style|title).*?</\1>|<[^>]*>", " ", rendered.html, flags=re.DOTALL)
    return " ".join(rendered.text.split()), " ".join(html.unescape(seen).split())


EVERY_LETTER = {
    "notice": (CustomerMailKind.NOTICE, announced(("Beans", 12_000), ("Milk", 350))),
    "receipt": (CustomerMailKind.RECEIPT, charged(ChargeStatus.SUCCEEDED, payment_id="pi_1")),
    "decline": (CustomerMailKind.DECLINE, charged(ChargeStatus.DECLINED)),
    "authentication": (CustomerMailKind.DECLINE, charged(ChargeStatus.AUTHENTICATION_REQUIRED)),
    "needs card": (CustomerMailKind.DECLINE, charged(ChargeStatus.NEEDS_CARD)),
    "nothing due": (CustomerMailKind.NOTHING_DUE, announced(("Beans", 0))),
    "withdrawn": (CustomerMailKind.WITHDRAWN, announced().close(Stage.SKIPPED, NOTICE_AT)),
}
POOR = declined("insufficient_funds")
UNPAID = (ChargeStatus.DECLINED, ChargeStatus.AUTHENTICATION_REQUIRED, ChargeStatus.NEEDS_CARD)
PAID_AT = datetime(2026, 11, 30, 12, tzinfo=UTC)
SUSPENDED_SOON = Consequence(action=ConsequenceKind.SUSPEND, at=PAID_AT)
EVERY_COLLECTION = {
    **{f"decline {status}": letter(CustomerMailKind.DECLINE, charged(status), link=LINK) for status in UNPAID},
    **{
        f"decline {code}": letter(CustomerMailKind.DECLINE, declined(code), link=LINK)
        for code in ("lost_card", "new_code")
    },
    **{f"reminder {status}": reminder(charged(status)) for status in UNPAID},
    **{f"reminder of several {status}": several(charged(status)) for status in UNPAID},
    "reminder of several, one by transfer": several(POOR, transfer=True),
    "reminder without a link": reminder(POOR, link=""),
    "warning": letter(
        CustomerMailKind.WARNING, POOR, collection=contacted(POOR), link=LINK, consequence=SUSPENDED_SOON
    ),
    "warning without a link": letter(
        CustomerMailKind.WARNING, POOR, collection=contacted(POOR), consequence=SUSPENDED_SOON
    ),
    "suspended": letter(CustomerMailKind.SUSPENDED, POOR, collection=contacted(POOR), link=LINK),
    "restored": letter(CustomerMailKind.RESTORED, POOR),
    "last reminder": reminder(POOR, days=14),
    "bank reminder": letter(CustomerMailKind.REMINDER, POOR, collection=transferred(contacted(POOR), 500), link=LINK),
    "receipt of a card": letter(
        CustomerMailKind.RECEIPT, POOR, collection=recovered(contacted(POOR), PAID_AT), link=LINK
    ),
    "receipt of transfers": letter(
        CustomerMailKind.RECEIPT, POOR, collection=transferred(contacted(POOR), 500, 11_500)
    ),
}
