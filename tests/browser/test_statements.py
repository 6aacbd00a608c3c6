"""A bank's statement in a browser: chosen, looked at, imported; on a phone and in the dark."""

from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from billing.reviewers.users import Role
from bootstrap_statements import SANDBOX_ACCOUNT
from tests import statement_samples as samples
from tests.browser.conftest import looks_well
from tests.browser.people import reviewer
from tests.console.conftest import Desk

pytestmark = pytest.mark.turns(2)


async def test_a_statement_is_chosen_looked_at_and_imported(desk: Desk, browser: Browser, tmp_path: Path) -> None:
    paid = samples.one_c_document("77", "12.34", "from somebody whose name is long, for what nobody remembers")
    text = samples.one_c(paid, opening="0.00", closing="12.34").replace(samples.OWN, SANDBOX_ACCOUNT)
    (tmp_path / "november.txt").write_bytes(text.encode("cp1251"))
    async with reviewer(browser, desk, "ann", Role.REVIEWER) as ann:
        await ann.get_by_role("link", name="Money").click()
        await ann.get_by_role("link", name="Import a statement").click()
        await looks_well(ann, "statement-form")
        await ann.get_by_label("File", exact=True).set_input_files(tmp_path / "november.txt")
        await ann.get_by_label("Only show what would be booked").check()
        await ann.get_by_role("button", name="Import").click()
        await expect(ann.get_by_text("Nothing was booked yet.")).to_be_visible()
        await ann.get_by_label("File", exact=True).set_input_files(tmp_path / "november.txt")
        await ann.get_by_label("Only show what would be booked").uncheck()
        await ann.get_by_role("button", name="Import").click()
        await expect(ann.get_by_text("Imported.")).to_be_visible()
        await looks_well(ann, "statement-imported")
        await ann.get_by_role("link", name="unmatched").click()
        await expect(ann.get_by_role("heading", name="Assign")).to_be_visible()
