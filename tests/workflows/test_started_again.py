"""Customers who are started again, rewound or restarted far too early: no period is billed twice, none is lost."""

from datetime import timedelta
from typing import Any

import pytest

from billing.customers.customer import CustomerChanges
from billing.errors import BillingError, CardMissing, InvalidInput
from billing.invoices.commands import CloseAccount, Skip, UpdateCustomer
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from bootstrap import connect_temporal
from clients.start import StartStatus
from sandbox.stack.temporal_server import TemporalServer
from settings import Settings
from tests.bed import Bed, now
from tests.stops import text_of
from workflows.options import RETRY_PAUSE

pytestmark = pytest.mark.turns(2)

ANN: dict[str, Any] = {"by": "ann", "reason": "checking"}


async def test_started_twice_is_one_workflow_and_the_second_start_says_so(bed: Bed) -> None:
    customer = await bed.customer("acme")
    assert (await bed.start(customer)).status is StartStatus.STARTED
    assert (await bed.start(customer)).status is StartStatus.ALREADY_RUNNING


async def test_a_card_of_another_customer_is_refused_at_the_start(bed: Bed) -> None:
    acme, kiwi = await bed.customer("acme"), await bed.customer("kiwi")
    with pytest.raises(CardMissing, match="acme"):
        await bed.start(acme.evolve(payment_method=acme.card_on_file.evolve(card_id=kiwi.card_on_file.card_id)))


async def test_a_period_that_is_closed_or_has_not_begun_cannot_be_started(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.command("acme", CloseAccount(**ANN))
    await bed.command("acme", Skip(**ANN))
    await bed.handle("acme").result()
    for period in ("2026-09", "2026-10", "2062-01"):
        with pytest.raises(InvalidInput, match="billing goes on with 2026-11"):
            await bed.start(month.customer, period, reopen=True)
    with pytest.raises(InvalidInput, match="has not begun"):
        await bed.start(await bed.customer("kiwi"), "2062-01")


async def test_a_terminated_month_is_started_again_where_it_was(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.handle("acme").terminate("an accident")
    again = await bed.start(month.customer)
    assert (again.status, again.period) == (StartStatus.STARTED, "2026-10")
    restarted = await bed.month("acme")
    assert restarted.notice == month.notice
    assert restarted.charge_at == month.charge_at
    assert len(bed.mails("acme@example.com")) == 1


@pytest.mark.parametrize("reset_to", ["before the collection", "monitoring", "last call", "skipped instead"])
async def test_a_period_that_the_ledger_knows_as_closed_is_not_billed_again(bed: Bed, reset_to: str) -> None:
    """As after an operator reset or restarted a workflow at an older point by hand."""
    monitored = await bed.monitored()
    announced = await bed.announced()
    await bed.closed()
    await bed.handle("acme").terminate("an accident")
    months = {
        "before the collection": Month.open(monitored.customer, monitored.period),
        "monitoring": monitored.evolve(notice_at=now() + timedelta(days=20)),
        "last call": announced.evolve(charge_at=now() + timedelta(days=20)),
        "skipped instead": monitored.close(Stage.SKIPPED, now()),
    }
    await bed.restart_by_hand(months[reset_to])
    if reset_to == "skipped instead":
        await bed.skip("acme", RETRY_PAUSE)
    elif reset_to != "before the collection":
        await bed.skip("acme", timedelta(days=21))  # this run's clock began at the real time, before the close
    month = await bed.until("acme", lambda month: month.period > "2026-10")
    assert month.carried_minor == 0
    assert (await bed.recorded("acme", "2026-10")).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 10000)]
    assert len(bed.mails("acme@example.com")) == 2


async def test_two_customers_with_one_email_are_not_both_billed_for_the_same_sales(bed: Bed) -> None:
    await bed.monitored("acme")
    with pytest.raises(InvalidInput, match="acme has the same email"):
        await bed.start(await bed.customer("acme-2", email="acme@example.com"), "2026-10")
    kiwi = await bed.customer("kiwi")
    await bed.start(kiwi)
    await bed.command("kiwi", UpdateCustomer(**ANN, changes=CustomerChanges(email="acme@example.com")))
    month = await bed.month("kiwi")
    bed.sales(month.period, ("acme@example.com", "10", "Hosting"))
    await bed.skip_to("kiwi", month.import_at)
    month = await bed.until("kiwi", lambda month: bool(month.failure))
    assert "have the same email" in text_of(month.failure)
    assert month.invoice is None


async def test_a_chain_that_was_restarted_far_too_early_catches_up_without_billing_anything_again(bed: Bed) -> None:
    await bed.monitored(period="2026-09")
    bed.sales("2026-10", ("acme@example.com", "10", "Hosting"))
    september = await bed.closed()
    await bed.drafted("acme", "2026-10")
    await bed.closed()
    charged, mails = bed.charged(), len(bed.letters())
    await bed.handle("acme").terminate("an accident")
    bed.sales("2026-08", ("somebody@example.com", "10", "Not hers"))
    await bed.restart_by_hand(Month.open(september.customer, Period("2026-08")))
    await bed.drafted("acme", "2026-08")
    await bed.closed()
    await bed.until("acme", lambda month: month.period == "2026-11")
    assert bed.charged() == charged
    assert len(bed.letters()) == mails


async def test_closing_the_account_is_not_forgotten_when_the_ledger_knows_the_month_as_closed(bed: Bed) -> None:
    await bed.monitored()
    announced = await bed.announced()
    await bed.closed()
    await bed.handle("acme").terminate("an accident")
    await bed.restart_by_hand(announced.evolve(charge_at=now() + timedelta(days=20)))
    await bed.skip("acme", timedelta(days=10))
    assert (await bed.command("acme", CloseAccount(**ANN))).accepted
    await bed.skip("acme", timedelta(days=11))
    assert (await bed.handle("acme").result()).reason == "ann: checking"
    assert bed.charged() == [("2026-10", 10000)]


async def test_a_run_that_was_rewound_goes_on_where_the_ledger_is_and_charges_what_was_announced(bed: Bed) -> None:
    """As after a reset or a restored database: the sheet has changed since, the customer was told the old amount."""
    month = await bed.monitored()
    await bed.announced()
    await bed.handle("acme").terminate("an accident")
    bed.sales("2026-10", ("acme@example.com", "250", "More than was announced"))
    await bed.restart_by_hand(Month.open(month.customer, month.period))
    await bed.until("acme", lambda month: month.announced)
    assert (await bed.closed()).outcome is Stage.PAID
    assert bed.charged() == [("2026-10", 10000)]
    assert len(bed.mails("acme@example.com")) == 2


async def test_a_closed_account_is_not_billed_again_by_the_same_file_but_can_be_reopened(bed: Bed) -> None:
    month = await bed.monitored()
    await bed.command("acme", CloseAccount(by="ann", reason="moved away"))
    await bed.command("acme", Skip(**ANN))
    await bed.handle("acme").result()
    with pytest.raises(InvalidInput, match=r"closed \(ann: moved away\).*--reopen"):
        await bed.start(month.customer)
    again = await bed.start(month.customer, reopen=True)
    assert again.period == "2026-11"
    assert await bed.ledger.closed_reason("acme") == ""


async def test_a_start_does_not_slip_another_card_into_a_month_that_was_announced(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.handle("acme").terminate("an accident")
    other = await bed.customer("acme", email="acme@example.com")
    with pytest.raises(InvalidInput, match="open with other data"):
        await bed.start(other)
    assert (await bed.start(month.customer)).status is StartStatus.STARTED


async def test_closing_the_account_while_the_receipt_is_sent_leaves_no_month_behind(bed: Bed) -> None:
    await bed.monitored()
    month = await bed.announced()
    await bed.mail_faults({"action": "defer", "recipient": "acme@example.com", "times": 1000})
    await bed.skip_to("acme", month.charge_at)
    await bed.until("acme", lambda month: month.outcome is not None)
    assert (await bed.command("acme", CloseAccount(**ANN))).accepted
    await bed.mail_faults()
    await bed.skip("acme", timedelta(hours=1))
    await bed.handle("acme").result()
    assert [row.period for row in await bed.ledger.invoices(customer_id="acme")] == ["2026-10"]
    assert await bed.ledger.closed_reason("acme") == "ann: checking"


async def test_the_sandbox_never_reaches_a_server_that_is_not_its_own(
    server: TemporalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = {"stripe_api_key": "sk_test_x", "sales_folder": "sales", "smtp_host": "smtp", "mail_from": "a@b.example"}
    settings = Settings.model_validate(real)
    assert (await connect_temporal(settings, server.address)).namespace == "default"
    monkeypatch.setattr("bootstrap_ledger.SANDBOX_NAMESPACE", "not-there")
    with pytest.raises(BillingError, match="not the embedded one"):
        await connect_temporal(Settings(_env_file=None), server.address)
