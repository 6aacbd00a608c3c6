"""Planned works in a browser: previewed, written, approved as they were seen, and corrected."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Browser, expect

from billing.reviewers.users import Role
from tests.browser.conftest import looks_well
from tests.browser.people import reviewer
from tests.console.conftest import Desk
from tests.contract.announcement_fixtures import many, settle_in


async def test_works_are_previewed_written_approved_and_corrected(desk: Desk, browser: Browser) -> None:
    people = many(5)
    await settle_in(desk.bed.ledger, [*people[:3], people[3]._replace(phone=None), people[4]._replace(nodes=("s-1",))])
    day = f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}"
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.get_by_role("link", name="Works").click()
        await expect(ann.get_by_role("heading", name="No works are announced")).to_be_visible()
        form = ann.get_by_role("region", name="Announce works")
        await form.get_by_label("From").fill(f"{day}T10:00")
        await form.get_by_label("To", exact=True).fill(f"{day}T12:00")
        await form.get_by_label("What is done").fill("new switch")
        await form.get_by_label("Nodes").fill("north-1")
        await form.get_by_role("button", name="Preview").click()
        await expect(ann.get_by_text("1 without a phone number: call them")).to_be_visible()
        await looks_well(ann, "works-preview")
        await form.get_by_role("button", name="Write it").click()
        await expect(ann.get_by_role("heading", name="Before the approval")).to_be_visible()
        await looks_well(ann, "works-draft")
        draft = ann.get_by_role("region", name="Before the approval")
        await draft.get_by_label("Reason").fill("checked with the crew")
        await draft.get_by_role("button", name="Send 3 texts").click()
        await expect(ann.get_by_role("heading", name="Who was told")).to_be_visible()
        await looks_well(ann, "works-approved")
        change = ann.get_by_role("region", name="Correct it")
        await change.get_by_label("To", exact=True).fill(f"{day}T14:00")
        await change.get_by_label("Reason").fill("the crew is ill")
        await change.get_by_role("button", name="Correct").click()
        await expect(ann.get_by_text("corrects 1")).to_be_visible()
        await ann.get_by_role("link", name="Works").click()
        await expect(ann.get_by_role("row")).to_have_count(3)
        await looks_well(ann, "works")
