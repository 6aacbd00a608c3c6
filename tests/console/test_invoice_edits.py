"""Edits on the page of an invoice: what they change, what is sent back, and what others have edited meanwhile."""

import asyncio
from typing import Any

from tests.bed import OCTOBER
from tests.console.conftest import Desk
from tests.console.reviewing import amounts, edited_by_bob, readable, reviewer

PAGE = f"/desk/{OCTOBER}/invoices/acme"


async def test_one_edit_adds_changes_describes_and_removes(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50", "25"))
    typed: dict[str, Any] = {
        "amount:row-2": "80.50",
        "description:row-3": "Hosting",
        "remove:row-4": "on",
        "new-description": ["Discount", "", ""],
        "new-amount": ["-5", "", ""],
    }
    async with reviewer(desk) as ann:
        text = await ann.result(await ann.send("edit", "as agreed", **typed))
    assert "Done. Version 2: 125.50 EUR" in text
    assert "Total €175.00 → €125.50" in text
    month = await desk.bed.month("acme")
    assert amounts(month) == {"row-2": 8050, "row-3": 5000, "added-1": -500}
    (edit,) = month.decisions
    assert (edit.by, edit.reason) == ("ann", "as agreed")


async def test_an_unreadable_row_gets_its_amount_and_the_month_goes_on(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "12,50"))
    async with reviewer(desk) as ann:
        text = await ann.result(await ann.send("edit", "it is 12.50", **{"amount:row-3": "12.50"}))
    assert "next: send the charge notice" in text
    assert "A person is needed: row" not in text
    assert amounts(await desk.bed.month("acme")) == {"row-2": 10000, "row-3": 1250}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"amount:row-2": "12,50"}, "'12,50' is not an amount in EUR; write it like 1234.50"),
    ({"amount:row-2": ""}, "the amount is empty"),
    ({"amount:row-2": "1.005"}, "'1.005' is not an amount in EUR"),
    ({"description:row-2": " "}, "enter a description"),
    ({"new-description": ["Discount"], "new-amount": ["five"]}, "'five' is not an amount in EUR"),
    ({"new-description": [""], "new-amount": ["5"]}, "enter a description"),
]


async def test_what_cannot_be_taken_is_marked_and_nothing_typed_is_lost(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann:
        form = await ann.form("edit") | {"reason": "my reason", "amount:row-3": "49.99"}
        for typed, says in WRONG:
            answer = await ann.post(f"{PAGE}/edit", form | typed)
            assert answer.status_code == 422
            assert says in readable(answer.text)
            assert "Nothing was saved" in answer.text
            again = ann.form_in(answer.text, "edit")
            kept = form | {"reason": "my reason", "amount:row-3": "49.99"} | typed
            for name in ("reason", "amount:row-2", "amount:row-3"):
                assert again[name] == kept[name], (typed, name)
            assert again["new-amount"][0] == (kept["new-amount"])[0]
    assert not (await desk.bed.month("acme")).decisions


async def test_an_edit_that_changes_nothing_and_one_without_a_reason_are_sent_back(desk: Desk) -> None:
    await desk.bed.monitored()
    async with reviewer(desk) as ann:
        nothing = await ann.send("edit")
        unreasoned = await ann.send("edit", " ", **{"amount:row-2": "80"})
        silent = await ann.send("halt", "")
    assert (nothing.status_code, unreasoned.status_code, silent.status_code) == (422, 422, 422)
    assert "Nothing was changed yet" in nothing.text
    assert "Say why" in unreasoned.text
    assert 'value="80"' in unreasoned.text
    assert "Say why" in silent.text
    assert not (await desk.bed.month("acme")).decisions


async def test_a_stale_edit_is_refused_with_the_difference_and_applied_again_by_one_button(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann:
        form = await ann.form("edit")
        await edited_by_bob(desk)
        typed = {"amount:row-3": "45.00", "new-description": ["Discount"], "new-amount": ["-5.00"]}
        refused = await ann.post(f"{PAGE}/edit", form | typed | {"reason": "my reason"})
        assert refused.status_code == 409
        text = readable(refused.text)
        assert "This invoice has changed: version 2 is current" in text
        assert "Since then bob made it €130.00" in text
        assert "Changed: Sale 1 €100.00 €80.00" in text
        assert "Apply to version 2" in text
        again = ann.form_in(refused.text, "edit")
        assert again["reason"] == "my reason"
        assert again["amount:row-2"] == "80.00", "what bob saved stays"
        assert again["command_id"] != form["command_id"], "the first id has its answer already"
        text = await ann.result(await ann.post(f"{PAGE}/edit", again))
    assert "Done. Version 3: 120.00 EUR" in text
    assert amounts(await desk.bed.month("acme")) == {"row-2": 8000, "row-3": 4500, "added-1": -500}


async def test_of_two_reviewers_who_edit_the_same_version_the_second_is_refused(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann, reviewer(desk, "carol") as carol:
        forms = [await each.form("edit") for each in (ann, carol)]
        typed = [{"amount:row-2": "90", "reason": "ann's"}, {"amount:row-2": "70", "reason": "carol's"}]
        answers = await asyncio.gather(
            *(
                each.post(f"{PAGE}/edit", form | mine)
                for each, form, mine in zip((ann, carol), forms, typed, strict=True)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    (refused,) = (answer for answer in answers if answer.status_code == 409)
    assert "This invoice has changed" in refused.text
    month = await desk.bed.month("acme")
    assert sorted(each.accepted for each in month.decisions) == [False, True]
    assert month.invoice is not None
    assert month.invoice.version == 2


async def test_a_line_that_is_gone_meanwhile_is_said_to_be_left_out(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    async with reviewer(desk) as ann, reviewer(desk, "carol") as carol:
        form = await ann.form("edit")
        await carol.result(await carol.send("edit", "not ours", **{"remove:row-3": "on"}))
        refused = await ann.post(f"{PAGE}/edit", form | {"amount:row-3": "45", "amount:row-2": "90", "reason": "x"})
        text = readable(refused.text)
        assert refused.status_code == 409
        assert "Removed: Sale 2 €50.00" in text
        assert "No longer in this version, so your change to it is left out: Sale 2, 45" in text
        await ann.result(await ann.post(f"{PAGE}/edit", ann.form_in(refused.text, "edit")))
    assert amounts(await desk.bed.month("acme")) == {"row-2": 9000}


async def test_an_edit_in_the_last_call_is_announced_anew(desk: Desk) -> None:
    await desk.bed.monitored(sales=("100", "50"))
    await desk.bed.announced()
    async with reviewer(desk) as ann:
        page = await ann.page(f"{PAGE}/edit")
        assert "The customer has been told €150.00" in page
        await ann.result(await ann.send("edit", "agreed", **{"amount:row-2": "80"}))
    await desk.bed.until("acme", lambda month: month.notices == 2)


async def test_a_bill_of_hundreds_of_lines_can_be_edited_without_script(desk: Desk) -> None:
    await desk.bed.monitored(sales=("1",) * 700)
    async with reviewer(desk) as ann:
        await ann.result(await ann.send("edit", "typo", **{"amount:row-701": "2"}))
    assert amounts(await desk.bed.month("acme"))["row-701"] == 200
