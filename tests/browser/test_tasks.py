"""My tasks in a browser: a fitter claims one, takes photos, fills the form in and is done; an operator assigns many."""

import asyncio
from datetime import UTC, datetime, timedelta

from playwright.async_api import Browser, Page, Route, expect

from billing.reviewers.users import Role
from billing.tasks.forms import FieldType, FormField
from billing.tasks.task import NewTask, TaskKind
from tests.browser.conftest import PHONE, looks_well
from tests.browser.files import chosen, png
from tests.browser.people import reviewer
from tests.console.conftest import Desk
from tests.console.paying import announced
from tests.console.people import make_user
from tests.contract.ledger_fixtures import AT
from tests.contract.service_fixtures import NUMBER, subscribe
from tests.contract.task_fixtures import PDF, step
from tests.service_ordering import done as order_done
from tests.service_ordering import opened as order_opened
from tests.service_ordering import with_tariff

TASKS = "/desk/tasks"
FORM = (
    FormField(name="serials", label="Serial numbers of what was handed over", type=FieldType.SERIALS),
    FormField(name="outlet", label="Outlet", type=FieldType.CHOICE, options=("hall", "living room", "kitchen")),
    FormField(name="works", label="The line works at full speed", type=FieldType.YES_NO),
    FormField(name="photo", label="Photo of the box", type=FieldType.PHOTO),
    FormField(name="signed", label="Signed contract", type=FieldType.DOCUMENT, required=False),
    FormField(name="metres", label="Metres of cable", type=FieldType.NUMBER, max=500),
    FormField(name="extra", label="Paid in cash for more cable", type=FieldType.MONEY, required=False),
    FormField(name="again", label="When to come again", type=FieldType.DATE, required=False),
    FormField(name="remarks", label="Anything that the next one should know", type=FieldType.TEXT, required=False),
)

_NOTE_BUSY = "addEventListener('submit', (event) => { sessionStorage.busy = event.submitter.ariaBusy; })"


async def _prepared(desk: Desk) -> None:
    ledger, now = desk.bed.ledger, datetime.now(UTC)
    await ledger.record(announced(), AT)
    await subscribe(ledger)
    installing = step("1", now - timedelta(hours=5), form=FORM, account=NUMBER, order_number="connect-1042")
    await ledger.open_task(installing, now)
    values = {"title": "Dismantle the equipment, and say what is missing of it", "area": "North"}
    await ledger.open_task(step("2", now + timedelta(hours=3), values=values, order_number="leave-77"), now)
    await ledger.open_task(step("3", now + timedelta(days=4), values={"title": "Visit for another tariff"}), now)
    no_number = NewTask(kind=TaskKind.NO_WORKING_NUMBER, key="n", customer_id="acme", values={"phone": "+7…4567"})
    await ledger.open_task(no_number, now)


async def _installs(karl: Page) -> None:
    await karl.get_by_label("Serial numbers").fill("RT-0001\nONT-77")
    await karl.get_by_label("Metres of cable").fill("a lot")
    await karl.get_by_label("Photo of the box").set_input_files([chosen("box.png", png())])
    await expect(karl.get_by_role("link", name="box.png")).to_be_visible()
    await karl.get_by_label("Signed contract").set_input_files([chosen("contract.pdf", b"MZ no contract")])
    await expect(karl.get_by_text("Contract.pdf is no PDF, JPEG, PNG or WebP file")).to_be_visible()
    await karl.get_by_label("Signed contract").set_input_files([chosen("contract.pdf", PDF)])
    await expect(karl.get_by_role("link", name="contract.pdf")).to_be_visible()
    await karl.get_by_role("button", name="Done").click()
    await expect(karl.get_by_text("Write a whole number from 0 to 500.")).to_be_visible()
    await expect(karl.get_by_label("Serial numbers")).to_have_value("RT-0001\nONT-77")
    await expect(karl.get_by_role("link", name="box.png")).to_be_visible()
    await looks_well(karl, "task-refused")
    await karl.set_viewport_size(PHONE)  # type: ignore[arg-type]
    await karl.get_by_label("Metres of cable").fill("12")
    await karl.get_by_label("Outlet").select_option("hall")
    await karl.get_by_label("Yes").check()
    await karl.get_by_role("button", name="Done").click()


async def test_a_fitter_claims_a_task_and_completes_it_with_photos_on_a_phone(desk: Desk, browser: Browser) -> None:
    await _prepared(desk)
    await make_user(desk.bed.ledger, "kate", Role.STAFF, departments=("crew",))
    async with reviewer(browser, desk, "karl", Role.STAFF, ("crew",)) as karl:
        await expect(karl.get_by_role("heading", name="My tasks")).to_be_visible()
        await expect(karl.get_by_role("navigation", name="Desk").get_by_role("link")).to_have_text(["Tasks"])
        await looks_well(karl, "my-tasks")
        await karl.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await karl.get_by_role("button", name="Claim task 1").click()
        await expect(karl.get_by_text("yours")).to_be_visible()
        await looks_well(karl, "task-claimed")
        await karl.set_viewport_size(PHONE)  # type: ignore[arg-type]
        await _installs(karl)
        await expect(karl.get_by_text("has ended")).to_be_visible()
        await karl.get_by_role("status").get_by_role("link").click()
        await expect(karl.get_by_role("heading", name="Done")).to_be_visible()
        await expect(karl.get_by_text("RT-0001, ONT-77")).to_be_visible()
        await looks_well(karl, "task-ended")
        await karl.goto(f"{TASKS}/2")
        await karl.get_by_text("Return it").first.click()
        await karl.locator("details[open]").get_by_label("Reason").fill("the router is not theirs")
        await looks_well(karl, "task-returning")
        await karl.locator("details[open]").get_by_role("button", name="Return it").click()
        await expect(karl.get_by_text("has ended")).to_be_visible()


async def test_a_file_chosen_before_the_script_has_loaded_is_sent_when_it_has(desk: Desk, browser: Browser) -> None:
    await _prepared(desk)
    chosen_already = asyncio.Event()

    async def slow_line(route: Route) -> None:
        await chosen_already.wait()
        await route.continue_()

    async with reviewer(browser, desk, "karl", Role.STAFF, ("crew",)) as karl:
        await karl.get_by_role("button", name="Claim task 1").click()
        await expect(karl.get_by_text("yours")).to_be_visible()
        await karl.route("**/static/desk.js", slow_line)
        await karl.goto(f"{TASKS}/1", wait_until="commit")
        await karl.get_by_label("Photo of the box").set_input_files([chosen("box.png", png())])
        chosen_already.set()
        await expect(karl.get_by_role("link", name="box.png")).to_be_visible()


async def test_a_button_says_that_it_was_pressed_until_the_answer_comes(desk: Desk, browser: Browser) -> None:
    await _prepared(desk)
    async with reviewer(browser, desk, "karl", Role.STAFF, ("crew",)) as karl:
        await karl.add_init_script(_NOTE_BUSY)
        await karl.reload()
        await karl.get_by_role("button", name="Claim task 1").click()
        await expect(karl.get_by_text("yours")).to_be_visible()
        assert await karl.evaluate("sessionStorage.busy") == "true"
        await karl.go_back()
        await expect(karl.locator("[aria-busy]")).to_have_count(0)


async def test_an_operator_assigns_what_is_ticked_and_hands_it_over(desk: Desk, browser: Browser) -> None:
    await _prepared(desk)
    for name in ("karl", "kate"):
        await make_user(desk.bed.ledger, name, Role.STAFF, departments=("crew",))
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.goto(TASKS)
        await ann.get_by_label("Select task 2").check()
        await ann.get_by_label("Select task 3").check()
        await expect(ann.get_by_text("2 selected")).to_be_visible()
        await ann.get_by_label("Whose they are to be").select_option("karl")
        await looks_well(ann, "tasks-assigning")
        await ann.get_by_role("button", name="Assign").click()
        await expect(ann.get_by_text("Assigned to karl.")).to_be_visible()
        await ann.goto(f"{TASKS}/2")
        await ann.get_by_text("Take it over").last.click()
        form = ann.locator("details[open]")
        await form.get_by_label("To whom").select_option("kate")
        await form.get_by_label("Reason").fill("karl is ill")
        await form.get_by_role("button", name="Hand it over").click()
        await expect(ann.get_by_text("Handed over to kate by ann")).to_be_visible()
        await looks_well(ann, "task-handed-over")


async def test_the_board_shows_where_orders_stand_and_who_is_slow(desk: Desk, browser: Browser) -> None:
    ledger = desk.bed.ledger
    await with_tariff(ledger)
    now = datetime.now(UTC)
    for place, number in enumerate(("1001", "1002", "1003")):
        await order_opened(ledger, now - timedelta(days=3 - place), number=number)
    for number, took in (("1001", 5), ("1002", 30)):
        await order_done(ledger, number, now - timedelta(hours=took), possible="yes")
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.goto(TASKS)
        await ann.get_by_role("link", name="Board").click()
        await ann.get_by_role("link", name="Connection fee").click()
        await expect(ann.get_by_role("link", name="1002")).to_be_visible()
        await expect(ann.get_by_role("region", name="Time in each step").first).to_be_visible()
        await looks_well(ann, "board")
