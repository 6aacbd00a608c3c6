"""Service orders in a browser: opened by a form, followed while departments work, decided upon; and a request."""

from datetime import UTC, date, datetime, timedelta

from playwright.async_api import Browser, Page, expect

from adapters.sql.ledger import SqlLedger
from billing.reviewers.users import Role
from billing.tariffs.tariff import Tariff, TariffVersion
from billing.tasks.documents import NewDocument
from billing.tasks.member import Member
from tests.browser.conftest import PHONE, looks_well, opened
from tests.browser.files import png
from tests.browser.people import reviewer
from tests.console.conftest import Desk
from tests.contract.task_fixtures import PDF
from tests.service_ordering import done, payment, task_of

YES, NO = "yes", "no"
NOW = datetime.now(UTC)


async def _with_tariff(ledger: SqlLedger) -> None:
    version = TariffVersion(starts_on=date(2026, 1, 1), fee_minor=25_00)
    tariff = Tariff(code="internet-100", name="Internet 100", currency="eur", versions=(version,))
    await ledger.add_tariff(tariff, "ann", "list", NOW - timedelta(days=30))


async def _opens(ann: Page, customer: str, name: str, number: str) -> None:
    await ann.goto("/desk/subscribers")
    await ann.get_by_role("link", name="Connect a subscriber").click()
    await ann.get_by_label("Customer").fill(customer)
    await ann.get_by_label("Name").fill(name)
    await ann.get_by_label("Phone").fill("+77011234567")
    await ann.get_by_label("Address").fill("Abay Ave. 1, flat 12")
    await ann.get_by_label("Tariff").select_option("internet-100")
    await ann.get_by_label("Order number").fill(number)
    await looks_well(ann, f"open-order-{customer}")
    await ann.get_by_role("button", name="Open the order").click()
    await expect(ann.get_by_role("status").filter(has_text="Done: opened.")).to_be_visible()


async def _is_connected(ledger: SqlLedger, number: str, customer_id: str) -> None:
    """What the departments do once the fee is asked for."""
    at = datetime.now(UTC)
    tomorrow = at + timedelta(days=1)  # where they live it may be that day already
    paid = payment(10_00, f"paid-{number}", customer_id=customer_id, currency="eur", paid_at=at)
    await ledger.book(paid, at)
    await done(ledger, number, at, day=f"{tomorrow:%Y-%m-%d}", crew="North, two people")
    crew, task = Member("karl", ("crew",)), await task_of(ledger, number)
    await ledger.add_document(task.number, crew, NewDocument("photo", "box.png", png()), at)
    await ledger.return_task(task.number, crew, "plan_visit", "nobody was at home", at)
    await done(ledger, number, at, day=f"{tomorrow:%Y-%m-%d}", crew="North, two people")
    await done(ledger, number, at, serials="RT-0001 ONT-77")
    task = await task_of(ledger, number)
    await ledger.add_document(task.number, crew, NewDocument("contract", "contract.pdf", PDF), at)
    await done(ledger, number, at)


async def test_a_subscriber_is_connected_and_everybody_sees_where_it_stands(desk: Desk, browser: Browser) -> None:
    ledger = desk.bed.ledger
    await _with_tariff(ledger)
    async with reviewer(browser, desk, "ann", Role.APPROVER) as ann:
        await _opens(ann, "dana", "Dana Añ", "CRM-77")
        await expect(ann.get_by_role("region", name="The open task")).to_contain_text("nobody has claimed it")
        await looks_well(ann, "service-order-begun")
        await done(ledger, "CRM-77", datetime.now(UTC), possible=YES, equipment=YES)
        await done(ledger, "CRM-77", datetime.now(UTC), to_be_bought=NO, what="a router and 30 m of cable")
        where = ann.get_by_role("region", name="Where it stands")
        await expect(where).to_contain_text("€10.00 to pay")  # the page has updated itself
        await looks_well(ann, "service-order-fee")
        await _is_connected(ledger, "CRM-77", "dana")
        await expect(where).to_contain_text("Connected")
        await expect(ann.get_by_role("link", name="contract.pdf")).to_be_visible()
        await looks_well(ann, "service-order-done")
        await ann.get_by_role("region", name="For whom").get_by_role("link").nth(1).click()
        await expect(ann.get_by_role("navigation", name="Open an order")).to_be_visible()
        await looks_well(ann, "subscriber-with-orders")
        await ann.get_by_role("link", name="Request", exact=True).click()
        await ann.get_by_role("button", name="Open the order").click()
        await expect(ann.get_by_label("What is it about?")).to_be_focused()
        await looks_well(ann, "open-order-request")


async def test_an_order_is_found_halted_and_cancelled(desk: Desk, browser: Browser) -> None:
    ledger = desk.bed.ledger
    await _with_tariff(ledger)
    async with reviewer(browser, desk, "ann", Role.APPROVER) as ann:
        for number in ("CRM-1", "CRM-2", "CRM-3"):
            await _opens(ann, f"person-{number[-1]}", f"Person {number[-1]} of Nauryzbay", number)
        await done(ledger, "CRM-2", datetime.now(UTC), possible=YES, equipment=NO)
        await ann.get_by_role("link", name="Orders", exact=True).click()
        await looks_well(ann, "service-orders")
        await ann.get_by_label("Procedure and step").select_option("connect.fee")
        await expect(ann.get_by_role("row")).to_have_count(2)
        await ann.get_by_role("link", name="CRM-2").click()
        actions = ann.get_by_role("region", name="Actions")
        await actions.locator("summary", has_text="Halt").click()
        await actions.locator("details[open]").get_by_label("Reason").fill("They are away until Monday")
        await looks_well(ann, "service-order-halting")
        await actions.locator("details[open]").get_by_role("button", name="Halt").click()
        await expect(ann.get_by_text("Halted by ann: They are away until Monday")).to_be_visible()
        await looks_well(ann, "service-order-halted")
        await actions.locator("summary", has_text="Cancel the order").click()
        await actions.locator("details[open]").get_by_label("Reason").fill("They stay where they are")
        await actions.locator("details[open]").get_by_role("button", name="Cancel the order").click()
        await expect(ann.get_by_text("Cancelled by ann:")).to_be_visible()
        await looks_well(ann, "service-order-cancelled")


async def test_a_customer_writes_a_request_on_a_phone_and_reads_the_answer(desk: Desk, browser: Browser) -> None:
    ledger = desk.bed.ledger
    await _with_tariff(ledger)
    async with reviewer(browser, desk, "ann", Role.APPROVER) as ann:
        await _opens(ann, "dana", "Dana Añ", "CRM-77")
    await done(ledger, "CRM-77", datetime.now(UTC), possible=YES, equipment=NO)
    await _is_connected(ledger, "CRM-77", "dana")
    async with opened(browser, desk) as page:
        await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await page.goto(f"{desk.page('dana')}/requests")
        await looks_well(page, "own-requests")
        await page.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await page.get_by_label("What is it about?").select_option("No connection")
        await page.get_by_label("What has happened?").fill("The lamp is red since Monday.\nI pulled the plug twice.")
        await page.get_by_role("button", name="Send it").click()
        await expect(page.get_by_role("status")).to_contain_text("Its number is")
        await looks_well(page, "own-request-sent")
        number = await page.get_by_role("status").locator("strong").inner_text()
        answer = "The cable to your house was cut. It is repaired, and works at full speed."
        await done(ledger, number, datetime.now(UTC), answer=answer)
        await page.get_by_role("link", name="Write another one").click()
        await expect(page.get_by_text(answer)).to_be_visible()
        await looks_well(page, "own-request-answered")
