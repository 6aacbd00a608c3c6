"""Who pays by bill, without a card and perhaps without an email, in the ledger."""

from adapters.sql.ledger import SqlLedger
from billing.customers.channels import Channel
from billing.customers.customer import Customer, Terms
from billing.customers.ports import KnownCustomer
from billing.invoices.month import Month
from billing.payments.methods import BillPayer
from tests.contract.ledger_fixtures import ACME, AT, LATER, NOVEMBER

ANN = Customer(
    customer_id="ann",
    name="Ann Smith",
    currency="eur",
    timezone="Asia/Almaty",
    phone="+77012345678",
    payment_method=BillPayer(),
    terms=Terms(bill_by=(Channel.SMS,)),
)
BEN = ANN.evolve(customer_id="ben", name="Ben Smith")


async def test_two_without_email_and_card_are_like_nobody_even_with_one_phone(ledger: SqlLedger) -> None:
    await ledger.record_opened([Month.open(ANN, NOVEMBER), Month.open(ACME, NOVEMBER)], AT)
    assert await ledger.customer("ann") == ANN
    assert await ledger.customers_like(BEN) == []
    assert await ledger.known([BEN, ANN]) == {
        "ben": KnownCustomer(customer=None),
        "ann": KnownCustomer(customer=ANN, last=NOVEMBER),
    }
    await ledger.record(Month.open(BEN, NOVEMBER), LATER)
    assert await ledger.own_emails("ben") == []
    assert await ledger.customers_at_processor() == {"cus_1": "acme"}


async def test_a_card_that_is_taken_away_is_nobodys_any_more(ledger: SqlLedger) -> None:
    month = Month.open(ACME, NOVEMBER)
    await ledger.record(month, AT)
    billed = month.evolve(customer=ACME.evolve(payment_method=BillPayer()), revision=1)
    await ledger.record(billed, LATER)
    assert await ledger.customers_at_processor() == {}
    assert await ledger.customers_of_card(ACME.card_on_file.card_id) == []
    assert [row.card async for row in ledger.roster()] == [None]
