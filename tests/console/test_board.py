"""The board in the console: where orders stand, which these are, and who is slow."""

from billing.reviewers.users import Role
from tests.console.paying import Person, ann, desk
from tests.console.people import Office, signed_in_at
from tests.service_ordering import AT, LATER, YES, done, opened, with_tariff

__all__ = ["ann", "desk"]  # fixtures
BOARD = "/desk/board"


async def test_the_board_says_how_many_stand_at_each_step_and_which(desk: Office, ann: Person) -> None:
    assert "No order is under way" in await ann.page(BOARD)
    await with_tariff(desk.ledger)
    await opened(desk.ledger, AT)
    await opened(desk.ledger, AT, number="78")
    await done(desk.ledger, "78", LATER, possible=YES)
    page = await ann.page(BOARD)
    assert "Connect a subscriber" in page
    assert "Time in each step of the last 1 tasks" in page
    assert "of-operator Operator 1" in page
    orders = await ann.page(BOARD, procedure="connect", step="feasibility")
    assert "Orders at this step 1" in orders
    assert "77 Dana Añ Awaiting task" in orders
    assert "No order is here any more" in await ann.page(BOARD, procedure="connect", step="<b>")


async def test_staff_have_no_board(desk: Office) -> None:
    async with signed_in_at(desk.url, desk.ledger, "karl", Role.STAFF, ("crew",)) as browser:
        assert (await browser.get(BOARD)).status_code == 403
        assert "/desk/board" not in (await browser.get("/desk/tasks")).text
