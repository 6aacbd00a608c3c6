"""The pages about money in a browser: a transfer is recorded, assigned, given back; on a phone and in the dark."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Browser, Page, expect

from billing.receivables.incoming import IncomingPayment
from billing.receivables.instructions import InstructionKind, InstructionRequest
from billing.reviewers.users import Role
from tests.browser.conftest import looks_well
from tests.browser.people import answer, reviewer
from tests.console.conftest import Desk

pytestmark = pytest.mark.turns(2)

NOW = datetime.now(UTC)
UNKNOWN = IncomingPayment(
    rail="transfer",
    reference="DE-2026-11-0007731-A-REFERENCE-THAT-A-BANK-HAS-MADE-LONG",
    customer_id=None,
    amount_minor=123_450,
    currency="eur",
    paid_at=NOW,
    payer="A. Nowak i Synowie sp. z o.o.",
    by="eve",
    reason="no reference given",
)


async def money_has_arrived(desk: Desk) -> None:
    """From somebody unknown, of which a part is proposed to be kiwi's; and six times from kiwi."""
    await desk.bed.monitored()
    await desk.bed.monitored("kiwi")
    ledger = desk.bed.ledger
    await ledger.book(UNKNOWN, NOW)
    for number in range(6):
        paid = UNKNOWN.evolve(reference=f"71{number}", customer_id="kiwi", amount_minor=1000 + number, payer="Kiwi Ltd")
        await ledger.book(paid, NOW - timedelta(days=number))
    request = InstructionRequest(
        instruction_id="proposal",
        kind=InstructionKind.ASSIGN,
        payment=UNKNOWN.name,
        customer_id="kiwi",
        amount="1000",
        by="eve",
        reason="named in the text of the transfer",
        via="console",
    )
    await ledger.instruct(request, {"eur": 0}, NOW)


async def confirm_what_another_has_proposed(ann: Page) -> None:
    """The list names what waits for a second person."""
    await ann.get_by_role("link", name="Money").click()
    await expect(ann.get_by_role("heading", name="Waits for a person")).to_be_visible()
    await looks_well(ann, "money")

    await ann.get_by_role("link", name=f"Assign payment {UNKNOWN.reference}").click()
    await looks_well(ann, "money-payment")
    waiting = ann.get_by_role("region", name="Waits for a person")
    await waiting.get_by_label("Reason").fill("compared with the statement")
    await waiting.get_by_role("button", name="Confirm").click()
    await expect(answer(ann)).to_contain_text("Done.")


async def assign_the_rest(ann: Page) -> None:
    """A refusal says why, and keeps what was typed."""
    assign = ann.locator("#assign")
    await assign.get_by_label("Customer").fill("nobody")
    await assign.get_by_label("Reason").fill("asked by phone")
    await assign.get_by_role("button", name="Assign").click()
    await expect(answer(ann)).to_contain_text("The ledger does not know nobody")
    await expect(assign.get_by_label("Reason")).to_have_value("asked by phone")
    await looks_well(ann, "money-refused")
    await assign.get_by_label("Customer").fill("acme")
    await assign.get_by_role("button", name="Assign").click()
    await expect(answer(ann)).to_contain_text("Done. Assigned to acme.")


async def give_a_part_back(ann: Page) -> None:
    """Through the rail that the money came by."""
    refund = ann.locator("#refund")
    await refund.get_by_label("Whose part").select_option("acme")
    await refund.get_by_label("Amount").fill("20.00")
    await refund.get_by_label("Reference of the refund").fill("OUT-1")
    await refund.get_by_label("Reason").fill("paid twice")
    await refund.get_by_role("button", name="Give back").click()
    await expect(answer(ann)).to_contain_text("Done. Given back as OUT-1.")
    await looks_well(ann, "money-given-back")


async def record_a_payment(ann: Page) -> None:
    """From the account, whose customer is filled in; money that leaves a doubt says so."""
    await ann.get_by_role("link", name="acme").first.click()
    await expect(ann.get_by_role("heading", name="Statement")).to_be_visible()
    await looks_well(ann, "money-account")
    await ann.get_by_role("link", name="Record a payment").click()
    await expect(ann.get_by_label("Customer")).to_have_value("acme")
    await looks_well(ann, "money-record")
    await ann.get_by_label("Reference").fill("7800")
    await ann.get_by_label("Amount").fill("12.50")
    await ann.get_by_label("Currency").fill("usd")
    await ann.get_by_label("Reason").fill("statement")
    await ann.get_by_role("button", name="Record").click()
    await expect(answer(ann)).to_contain_text("no draft will use it")
    await looks_well(ann, "money-doubt")


async def test_money_is_recorded_assigned_and_given_back(desk: Desk, browser: Browser) -> None:
    await money_has_arrived(desk)
    async with reviewer(browser, desk, "ann", Role.APPROVER) as ann:
        await confirm_what_another_has_proposed(ann)
        await assign_the_rest(ann)
        await give_a_part_back(ann)
        await record_a_payment(ann)
