"""Ladders and promises on the command line, with a server and the stand-ins."""

from datetime import timedelta

from billing.customers.customer import Terms
from billing.customers.ladder import parse_ladder
from tests.bed import Bed
from tests.typed import typed
from tests.workflows.charging import overdue

WHO = ("--by", "ann", "--reason", "as agreed")


async def test_promise_is_noted_and_shown_with_what_comes_next(bed: Bed) -> None:
    await overdue(bed, terms=Terms(ladder=parse_ladder("1 remind, 7 warn, 14 suspend")))
    since = (await bed.collection()).since
    until = f"{since + timedelta(days=3):%Y-%m-%d}"
    code, output = await typed(bed, "collections", "promise", "acme", "--until", until, *WHO)
    assert code == 0, output
    assert f"payment is promised by {until}" in output
    await bed.collects(lambda found: found.promise is not None)
    code, output = await typed(bed, "collections", "promise", "acme", "--until", "2020-01-01", *WHO)
    assert code == 1
    assert "is in the past; name a day from" in output
    code, output = await typed(bed, "collections", "promise", "acme", "--until", "Friday", *WHO)
    assert code != 0
    assert "until" in output
    code, output = await typed(bed, "collections", "show", "acme")
    assert "1 remind, 7 warn, 14 suspend; 0 of 3 begun" in output
    assert f"Ann promised payment by {until}; 100.00 EUR are owed" in output
    assert "after a warning: suspend" in output


async def test_ladder_of_a_customer_is_agreed_and_a_wrong_one_refused_with_what_to_write(bed: Bed) -> None:
    await bed.monitored()
    code, output = await typed(bed, "update", "acme", "--ladder", "14 suspend", *WHO)
    assert code != 0
    assert "needs a warning on an earlier day, such as '7 warn'" in output
    code, output = await typed(bed, "update", "acme", "--ladder", "1 remind sms+mail, 7 warn, 14 suspend", *WHO)
    assert code == 0, output
    month = await bed.until("acme", lambda month: bool(month.customer.terms.ladder))
    assert month.customer.terms.ladder == parse_ladder("1 remind sms+mail, 7 warn, 14 suspend")
    code, output = await typed(bed, "update", "acme", "--ladder", "none", *WHO)
    assert code == 0, output
    await bed.until("acme", lambda month: not month.customer.terms.ladder)
