"""1.9 MB and worse at every door of the console: a page says no, nothing is stuck, and a halt is heard afterwards."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest

from billing.commands import Halt
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.commands import Edit
from billing.invoices.invoice import AddLine
from billing.period import Period
from clients.month_commands import PAGE_PATIENCE_SECONDS, send_command
from console.reviewers.bulk import ACTIONS
from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.reviewing import readable, reviewer

Make = Callable[..., dict[str, Any]]
PAGE = f"/desk/{OCTOBER}/invoices/acme"
HUGE = "x" * 1_900_000
QUOTES = '"' * 600_000


async def test_huge_fields_of_a_reviewers_forms_are_refused_by_a_page_and_a_halt_is_heard(desk: Desk) -> None:
    await desk.bed.monitored(terms=Terms(review_mode=ReviewMode.APPROVE))
    async with reviewer(desk) as ann:
        await ann.result(await ann.send("halt", "looks wrong"))
        for action, fields in {
            "resume": {"stopped": QUOTES},
            "approve": {"digest": QUOTES},
            "skip": {"digest": QUOTES, "version": "9" * 5000},
            "halt": {"reason": HUGE},
            "close": {"command_id": HUGE},
            "edit": {"new-description": QUOTES, "new-amount": HUGE[:1_000_000]},
            "refresh": {"sheet": HUGE},
        }.items():
            form = {"csrf": ann.csrf, "reason": "as agreed", "command_id": str(uuid.uuid4())} | fields
            answer = await ann.browser.post(f"{PAGE}/{action}", data=form)
            assert answer.status_code in (400, 409, 413, 422), f"{action}: {answer.status_code}"
            assert "text/html" in answer.headers["content-type"]
            assert answer.status_code != 400 or "That cannot be read" in answer.text
        await ann.result(await ann.send("resume", "right after all"))
        done = await ann.result(await ann.send("halt", "once more"))
        assert "Done. You halted it; nothing is announced or charged" in done


async def test_rows_of_a_bulk_form_that_are_none_are_left_out(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        for row in (f"acme {'9' * 5000} x", f"acme 1 {HUGE[:1_000_000]}", "acme -1 x", f"{HUGE[:1_000_000]} 1 x"):
            for action in ACTIONS:
                answer = await ann.post(f"/desk/{OCTOBER}/invoices", {"action": action, "row": row})
                assert answer.status_code == 400
                assert "Nothing is selected" in readable(answer.text)
                done = await ann.post(f"/desk/{OCTOBER}/bulk", {"action": action, "rows": row, "reason": "why"})
                assert done.status_code == 200


@pytest.mark.parametrize("form", [{"username": HUGE}, {"password": HUGE}, {"next": HUGE}])
async def test_a_huge_field_of_the_sign_in_is_answered_with_a_page(desk: Desk, form: dict[str, str]) -> None:
    for size in (5_001, 900_000, 1_900_000):
        cut = {name: value[:size] for name, value in form.items()}
        answer = await desk.browser.post("/login", data={"username": "ann", "password": "x"} | cut)
        assert answer.status_code == (400 if size > 1_000_000 else 422)
        assert "We cannot read that" in readable(answer.text)


async def test_garbage_in_an_address_is_answered_with_a_page(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        answer = await ann.browser.get(f"{PAGE}?compare=perhaps")
        assert answer.status_code == 422
        assert "That cannot be read" in readable(answer.text)


async def test_huge_registrations_are_refused_with_a_page(desk: Desk) -> None:
    for name in ("name", "email", "consent", "other"):
        answer = await desk.browser.post("/register", data={"name": "Ann", "email": "a@b.example", name: HUGE})
        assert answer.status_code == 413
        assert "That is too much" in readable(answer.text)


@pytest.mark.parametrize("field", ["id", "subject", "payment", "surrogate", "emoji"])
async def test_signed_events_that_stripe_would_not_send_are_refused_and_not_stored(
    desk: Desk, event: Make, field: str
) -> None:
    text = {"surrogate": "\ud800", "emoji": "\N{GRINNING FACE}" * 300}.get(field, "x" * 900_000)
    subject = {"id": text if field != "id" else "ch_1", "object": "charge"}
    if field == "payment":
        subject = {"id": "ch_1", "object": "charge", "payment_intent": text}
    event_id = text if field == "id" else "evt_1"
    assert (await desk.deliver(event("charge.refunded", subject, event_id))).status_code == 400
    assert desk.events() == {}


async def test_an_id_of_an_earlier_command_does_not_pass_a_halt_off_as_done(desk: Desk) -> None:
    """Temporal answers for an update id what the first of it came to, whatever the second says."""
    await desk.bed.monitored()
    who: dict[str, Any] = {"by": "ann", "reason": "as agreed", "command_id": "c-1", "period": Period(OCTOBER)}
    edit = Edit(**who, version=1, changes=(AddLine(description="Fee", amount_minor=100),))
    first = await send_command(desk.bed.client, "acme", edit, PAGE_PATIENCE_SECONDS)
    assert first.accepted
    assert await send_command(desk.bed.client, "acme", edit, PAGE_PATIENCE_SECONDS) == first
    halted = await send_command(desk.bed.client, "acme", Halt(**who), PAGE_PATIENCE_SECONDS)
    assert not halted.accepted
    assert halted.result == "this command id was used for another command already; give a new one"
    assert (await desk.bed.month("acme")).halt is None


async def test_who_has_edited_is_shown_no_approval_and_the_page_says_why(desk: Desk) -> None:
    await desk.bed.monitored(terms=Terms(approve_when=("edited",)))
    async with reviewer(desk, "bob") as bob, reviewer(desk, "carol") as carol, reviewer(desk) as ann:
        assert "Consents to exactly these lines" not in await bob.page()
        await bob.result(await bob.send("edit", "a sale", **{"amount:row-2": "5000"}))
        await carol.result(await carol.send("edit", "rounding", **{"amount:row-2": "5000.01"}))
        for editor, name in ((bob, "Bob"), (carol, "Carol")):
            assert f"{name} has edited this draft since it was approved or imported" in await editor.page()
        refused = await bob.post(f"{PAGE}/approve", await ann.form("approve") | {"reason": "mine", "csrf": bob.csrf})
        assert refused.status_code == 409
        assert "5000.01 EUR approved" in await ann.result(await ann.send("approve", "checked"))
        assert "Consents to exactly these lines" not in await ann.page()
