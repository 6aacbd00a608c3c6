"""The list of invoices as reviewers read it: found, filtered, in any order, page after page, on both databases."""

from datetime import timedelta

import pytest

from adapters.sql.ledger import SqlLedger
from billing.customers.customer import Terms
from billing.invoices.stages import Stage
from billing.reviewers.brake import BrakeHold
from billing.reviewers.queries import Sort
from tests.contract.ledger_fixtures import AT, LATER, NOVEMBER
from tests.contract.page_fixtures import MONTH, listed, mark, month, recorded


async def test_a_row_tells_what_a_decision_is_bound_to(ledger: SqlLedger, url: str) -> None:
    drafted = month("acme", 1300)
    await recorded(ledger, drafted)
    mark(url, "acme", flags="|first|edited|", needs="approve it", usual_minor=1000)
    (row,) = await ledger.rows(MONTH, 1)
    assert drafted.invoice is not None
    assert (row.version, row.digest, row.total_minor) == (1, drafted.invoice.digest, 1300)
    assert (row.flags, row.needs, row.change) == (("first", "edited"), "approve it", 30.0)
    assert (row.name, row.email, row.timezone) == ("Acme", "acme@post.example", "Europe/Paris")
    (seen,) = await ledger.seen(MONTH)
    assert (seen.customer_id, seen.version, seen.digest) == ("acme", 1, row.digest)
    now = await ledger.now_of(NOVEMBER, ["acme", "nobody"])
    assert now == {"acme": seen.evolve(stop=now["acme"].stop)}
    assert await ledger.months_of(NOVEMBER, ["acme", "nobody"]) == [drafted]


async def test_rows_are_found_by_any_part_of_id_name_and_email(ledger: SqlLedger) -> None:
    await recorded(ledger, month("acme", 1), month("bolt", 1, name="Percent 100% Ltd"), month("coal", 1))
    assert await listed(ledger, search="CME") == ["acme"]
    assert await listed(ledger, search="percent 1") == ["bolt"]
    assert await listed(ledger, search="coal@post") == ["coal"]
    assert await listed(ledger, search="%") == ["bolt"]
    assert await listed(ledger, search="_") == []
    assert await listed(ledger, search="' OR 1=1 --") == []


async def test_rows_are_filtered_by_stage_flag_and_currency(ledger: SqlLedger, url: str) -> None:
    await recorded(ledger, month("acme", 1), month("bolt", 1, currency="usd"), month("coal"))
    mark(url, "acme", flags="|large|")
    mark(url, "bolt", flags="|large|changed|")
    assert await listed(ledger, stage=Stage.SCHEDULED) == ["coal"]
    assert await listed(ledger, flag="large") == ["acme", "bolt"]
    assert await listed(ledger, flag="changed") == ["bolt"]
    assert await listed(ledger, flag="large", currency="eur") == ["acme"]


@pytest.mark.parametrize(
    ("sort", "up", "down"),
    [
        (Sort.CUSTOMER, "acme bolt coal dune", "dune coal bolt acme"),
        (Sort.STAGE, "dune acme coal bolt", "bolt acme coal dune"),
        (Sort.AMOUNT, "dune acme bolt coal", "bolt acme dune coal"),  # coal is in another currency
        (Sort.CHANGE, "bolt acme coal dune", "acme bolt coal dune"),  # coal and dune have nothing to compare with
        (Sort.NEXT, "coal acme dune bolt", "acme coal dune bolt"),  # bolt is closed
    ],
)
async def test_rows_come_in_any_order(ledger: SqlLedger, url: str, sort: Sort, up: str, down: str) -> None:
    skipped = month("bolt", 300).close(Stage.SKIPPED, AT)
    await recorded(ledger, month("acme", 200), skipped, month("coal", 1, currency="usd"), month("dune"))
    mark(url, "acme", usual_minor=400, next_at=LATER)
    mark(url, "bolt", usual_minor=290, next_at=None)
    mark(url, "coal", usual_minor=0, next_at=AT)
    mark(url, "dune", usual_minor=100, next_at=LATER if sort is Sort.NEXT else None)
    if sort is Sort.NEXT:
        down = "acme dune coal bolt"
    assert await listed(ledger, sort=sort) == up.split()
    assert await listed(ledger, sort=sort, descending=True) == down.split()


async def test_pages_follow_each_other(ledger: SqlLedger) -> None:
    await recorded(ledger, *(month(f"c{number:03}", 1) for number in range(105)))
    first, second, third = [await ledger.rows(MONTH, page) for page in (1, 2, 3)]
    assert [row.customer_id for row in first + second] == [f"c{number:03}" for number in range(105)]
    assert (len(first), third, await ledger.count(MONTH)) == (100, [], 105)


async def test_what_a_release_of_the_brake_lets_go_on_is_counted(ledger: SqlLedger) -> None:
    assert await ledger.held_by_brake() == BrakeHold(open_months=0, stopped_months=0, window_hours=0, tries=0, orders=0)
    patient = month("bolt", 100, terms=Terms(min_window_hours=24))
    closed = month("coal", 100).close(Stage.SKIPPED, AT)
    await recorded(ledger, month("acme", 100).braked("the brake is on"), patient, closed)
    hold = await ledger.held_by_brake()
    assert hold == BrakeHold(open_months=2, stopped_months=1, window_hours=24, tries=0, orders=0)
    assert hold.earliest(AT) == AT + timedelta(hours=24)
