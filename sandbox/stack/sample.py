"""The sample company: a dozen customers in several currencies and zones, and a month of their sales."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import stripe

from billing.customers.customer import Customer, ReviewMode, Terms
from billing.customers.roster import write_roster
from billing.payments.methods import CardOnFile
from billing.period import Period
from bootstrap_adapters import SANDBOX_SHEET_ID, SANDBOX_STRIPE_KEY
from sandbox.stand_ins.control import PATIENCE_SECONDS
from sandbox.stand_ins.whole_file import write_csv, write_whole


@dataclass(frozen=True)
class Sample:
    """One sample customer; ``sales`` as typed into the sheet (a leading apostrophe makes text of a number)."""

    customer_id: str
    name: str
    currency: str
    timezone: str
    sales: tuple[tuple[str, str], ...]
    card: str = "pm_card_visa"
    review_mode: ReviewMode = ReviewMode.MONITOR

    @property
    def email(self) -> str:
        return f"billing@{self.customer_id}.example"

    def customer(self, payer_id: str, card_id: str, last4: str = "") -> Customer:
        return Customer(
            customer_id=self.customer_id,
            email=self.email,
            name=self.name,
            currency=self.currency,
            timezone=self.timezone,
            payment_method=CardOnFile(payer_id=payer_id, card_id=card_id, last4=last4),
            terms=Terms(review_mode=self.review_mode),
        )


HEADER = ("email", "amount", "description")
"""The first row of a worksheet."""

SAMPLE = (
    Sample("acme", "Acme Bakery", "eur", "Europe/Paris", (("1240.50", "Hosting"), ("89.90", "Support, 3 h"))),
    Sample("bergson", "Bergson & Söhne", "eur", "Europe/Berlin", (("480", "Licences"), ("4800", "Training"))),
    Sample("kiwi", "Kiwi Orchards", "nzd", "Pacific/Auckland", (("730.25", "Cold storage"),)),
    Sample("tanaka", "Tanaka Seiki", "jpy", "Asia/Tokyo", (("128000", "Calibration"), ("-8000", "Goodwill credit"))),
    Sample("kiribati", "Kiribati Copra", "aud", "Pacific/Kiritimati", (("310.4", "Freight"),)),
    Sample("pago", "Pago Charters", "usd", "Pacific/Pago_Pago", (("2150", "Charter, disputed"),)),
    Sample("lima", "Lima Textiles", "pen", "America/Lima", ()),
    Sample(
        "denver", "Denver Climbing", "usd", "America/Denver", (("95", "Gym passes"),), card="pm_card_chargeCustomerFail"
    ),
    Sample("quito", "Quito Flores", "usd", "America/Guayaquil", (("640", "Roses"), ("'12,50", "Ribbon"))),
    Sample("manama", "Manama Pearls", "bhd", "Asia/Bahrain", (("45.25", "Appraisal"),), card="pm_card_mastercard"),
    Sample("london", "London Stationery", "gbp", "Europe/London", (("0.2", "One envelope"),)),
    Sample("zurich", "Zürich Optik", "chf", "Europe/Zurich", (("999.95", "Lenses"),), review_mode=ReviewMode.APPROVE),
)


MISTYPED = ("billing@bergsen.example", "150", "One more seat")
"""The last row of the sheet: it should be bergson's."""


def earliest_period(now: datetime) -> Period:
    """The month that has begun for all of the sample customers, wherever they are."""
    return min(Period.at(now, sample.timezone) for sample in SAMPLE)


async def prepare_sample(folder: Path, stripe_url: str, periods: Iterable[Period]) -> Path:
    """Registers the sample customers with the Stripe stand-in and writes their sales and roster; once per folder.

    Returns the path of the roster, ready for ``starter.py start --from``. Files that are there stay as they are.
    """
    roster = folder / "customers.csv"
    if roster.exists():
        return roster
    for period in periods:
        sheet = sheet_of(folder, period)
        if not sheet.exists():
            sales = [(sample.email, *sale) for sample in SAMPLE for sale in sample.sales]
            write_csv(sheet, [HEADER, *sales, MISTYPED])
    cards = await asyncio.gather(*(register_card(stripe_url, sample.email, sample.card) for sample in SAMPLE))
    write_whole(roster, write_roster(sample.customer(*card) for sample, card in zip(SAMPLE, cards, strict=True)))
    return roster


def sheet_of(folder: Path, period: Period) -> Path:
    return folder / "sheets" / SANDBOX_SHEET_ID / f"{period}.csv"


def correct_address(sheet: Path) -> None:
    """Corrects the mistyped row."""
    write_whole(sheet, sheet.read_text("utf-8").replace(MISTYPED[0], "billing@bergson.example"))


async def register_card(stripe_url: str, email: str, test_card: str) -> tuple[str, str]:
    """A customer with one of Stripe's test cards at the stand-in: ids of the customer and of the payment method."""
    http = stripe.HTTPXClient(timeout=PATIENCE_SECONDS, verify_ssl_certs=False)
    client = stripe.StripeClient(SANDBOX_STRIPE_KEY, base_addresses={"api": stripe_url}, http_client=http)
    try:
        customer = await client.v1.customers.create_async({"email": email})
        card = await client.v1.payment_methods.attach_async(test_card, {"customer": customer.id})
        return customer.id, card.id
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]
