"""The pages of orders in a browser: from the empty list to a halt, an amendment, a release and a refusal."""

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from adapters.sql.ledger import SqlLedger
from billing.reviewers.users import Role
from orders.changes import Cancel, Halt
from orders.order import Agreement, Buyer, OrderLine, OrderRequest, ReleaseKind
from tests.browser.conftest import looks_well
from tests.browser.people import answer, reviewer
from tests.console.conftest import Desk
from tests.ordering import payment

pytestmark = pytest.mark.turns(2)

NOW = datetime.now(UTC)
BUYERS = (
    Buyer(
        customer_id="nowak",
        name="A. Nowak i Synowie, Przedsiębiorstwo Wielobranżowe sp. z o.o.",
        email="a@nowak.example",
    ),
    Buyer(customer_id="bolt", name="Bolt & Sons"),
)
DIGEST = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


def request(number: str, amount_minor: int, buyer: int = 0, **agreed: object) -> OrderRequest:
    lines = (
        OrderLine(
            description="Neon sign “Open”, 80 by 40 cm, warm white, dimmer", quantity=2, amount_minor=amount_minor
        ),
        OrderLine(description="Mounting kit", amount_minor=1_250),
    )
    agreement = Agreement.model_validate({"lines": lines, "file_digest": DIGEST} | agreed)
    expires_at = NOW + timedelta(days=3)
    return OrderRequest(number=number, buyer=BUYERS[buyer], currency="eur", agreed=agreement, expires_at=expires_at)


async def orders_have_come(desk: Desk) -> None:
    """One of each kind, and a week of releases, most of which took milliseconds. No event of them leaves."""
    ledger, chance = await SqlLedger.connect(desk.bed.settings.ledger), random.Random(7)
    for number in range(60):
        at = NOW - timedelta(days=6.5 * (1 - number / 60))
        name = f"S-{2000 + number}"
        await ledger.open_order(request(name, 5_000 + 100 * number, number % 2), at)
        await ledger.book(payment(6_250 + 100 * number, name, name, customer_id=BUYERS[number % 2].customer_id), at)
        seconds = chance.lognormvariate(-3.2, 0.5) if number % 17 else chance.uniform(5, 4000)
        await ledger.note_answer(name, ReleaseKind.PRODUCTION, True, "queued", at + timedelta(seconds=seconds))
    by: dict[str, Any] = {"by": "eve", "via": "cli"}
    for name in ("1042", "1043", "1044", "1045", "1046", "1047"):
        await ledger.open_order(request(name, 118_750), NOW - timedelta(hours=2))
    await ledger.book(payment(40_000, "DE-77-31", "1042", customer_id="nowak"), NOW - timedelta(hours=1))
    await ledger.change_order("1043", Halt(change_id="h", reason="The file has the wrong colour", **by), NOW)
    await ledger.change_order("1044", Cancel(change_id="c", reason="Ordered twice", **by), NOW)
    await ledger.book(payment(120_000, "DE-77-32", "1045", customer_id="nowak"), NOW)
    await ledger.note_answer("1045", ReleaseKind.PRODUCTION, False, "410: this press is sold", NOW)
    await ledger.open_order(request("1048", 58_750, deposit_percent=30), NOW - timedelta(minutes=5))
    await ledger.book(payment(18_000, "DE-77-33", "1048", customer_id="nowak"), NOW)
    await ledger.note_answer("1048", ReleaseKind.PRODUCTION, True, "job 5531", NOW + timedelta(seconds=0.2))
    await ledger.close()


async def look_at_the_list(ann: Page) -> None:
    await ann.get_by_role("link", name="Orders").click()
    await expect(ann.get_by_role("heading", name="From payment to release")).to_be_visible()
    await ann.get_by_text("As a table").click()
    await expect(ann.get_by_role("group", name="Releases by day")).to_be_visible()
    await looks_well(ann, "orders")
    await ann.get_by_label("Search").fill("nowak")
    await ann.get_by_role("button", name="Search").click()
    await ann.wait_for_url("**search=nowak**")  # the page that has been left would take the choice with it
    await ann.get_by_label("Stage", exact=True).select_option("Halted")
    await expect(ann.get_by_role("row")).to_have_count(2)
    await looks_well(ann, "orders-one")
    await ann.get_by_label("Search").fill("nobody")
    await ann.get_by_role("button", name="Search").click()
    await expect(ann.get_by_role("heading", name="No order matches")).to_be_visible()
    await looks_well(ann, "orders-none")


async def halt_and_be_told_of_a_payment(ann: Page, desk: Desk) -> None:
    """The page keeps itself current."""
    await ann.goto("/desk/orders/1042")
    await expect(ann.get_by_text("€800.00 more, and production begins")).to_be_visible()
    await looks_well(ann, "order")
    await ann.locator("summary", has_text="Halt").click()
    await looks_well(ann, "order-halting")
    form = ann.locator("details[open]")
    await form.get_by_label("Reason").fill("The file looks wrong")
    await form.get_by_role("button", name="Halt").click()
    await expect(answer(ann)).to_contain_text("Done: halted.")
    await desk.bed.ledger.book(payment(80_000, "DE-77-40", "1042", customer_id="nowak"), NOW)
    await expect(ann.get_by_role("link", name="DE-77-40")).to_be_visible()
    await looks_well(ann, "order-halted")


async def amend_what_has_changed_meanwhile(ann: Page, desk: Desk) -> None:
    """A refusal keeps what was typed; sent again, it takes effect."""
    await ann.goto("/desk/orders/1046/amend")
    await ann.get_by_label("Amount of line 1").fill("12,50")
    await ann.get_by_label("Reason").fill("one more")
    await ann.get_by_role("button", name="Save").click()
    await expect(answer(ann)).to_contain_text("Not saved.")
    await looks_well(ann, "order-amend-refused")
    await ann.get_by_label("Amount of line 1").fill("1250")
    await ann.get_by_label("Description of a new line").nth(2).fill("Express")  # without a script there are three
    await ann.get_by_label("Amount of a new line").nth(2).fill("40.00")
    await expect(ann.locator("output")).to_have_text("€1,302.50")
    await ann.get_by_role("button", name="Save").click()
    await expect(answer(ann)).to_contain_text("Done: amended.")
    await looks_well(ann, "order-amended")


async def send_a_rejected_release_again(ann: Page) -> None:
    await ann.goto("/desk/orders/1045")
    await expect(ann.get_by_text("410: this press is sold").first).to_be_visible()
    await looks_well(ann, "order-rejected")
    await ann.locator("summary", has_text="Send again").click()
    form = ann.locator("details[open]")
    await form.get_by_label("Reason").fill("They have another press")
    await form.get_by_role("button", name="Send again").click()
    await expect(answer(ann)).to_contain_text("Done: sent again.")


async def cancel_what_was_released_meanwhile(ann: Page, desk: Desk) -> None:
    await desk.bed.ledger.book(payment(20_000, "DE-77-41", "1047", customer_id="nowak"), NOW)
    await ann.goto("/desk/orders/1047")
    await ann.locator("summary", has_text="Cancel the order").click()
    form = ann.locator("details[open]")
    await form.get_by_label("go back the way they came").check()
    await form.get_by_label("Reason").fill("Changed their mind")
    await looks_well(ann, "order-cancelling")
    await desk.bed.ledger.book(payment(100_000, "DE-77-42", "1047", customer_id="nowak"), NOW)
    await form.get_by_role("button", name="Cancel the order").click()
    await expect(answer(ann)).to_contain_text("was released already")
    await expect(ann.locator("details[open]").get_by_label("Reason")).to_have_value("Changed their mind")
    await looks_well(ann, "order-refused")


async def test_orders_are_watched_halted_amended_and_sent_again(desk: Desk, browser: Browser) -> None:
    async with reviewer(browser, desk, "ann", Role.APPROVER) as ann:
        await ann.get_by_role("link", name="Orders").click()
        await expect(ann.get_by_role("heading", name="No orders yet")).to_be_visible()
        await looks_well(ann, "orders-empty")
        await orders_have_come(desk)
        await look_at_the_list(ann)
        await halt_and_be_told_of_a_payment(ann, desk)
        await amend_what_has_changed_meanwhile(ann, desk)
        await send_a_rejected_release_again(ann)
        await cancel_what_was_released_meanwhile(ann, desk)
        await ann.goto("/desk/orders/1048")
        await expect(ann.get_by_text("€420.00 more, and it is shipped")).to_be_visible()
        await looks_well(ann, "order-deposit")
