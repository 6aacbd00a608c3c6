"""A buyer who asks for it is forgotten, with what they have ordered; numbers, amounts and releases stay."""

from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from billing.errors import InvalidInput, NotFound
from orders.order import OrderStage, ReleaseKind
from orders.ports import OrderFilter
from tests.contract.erase_fixtures import dump
from tests.contract.ledger_fixtures import ACME, drafted
from tests.contract.order_fixtures import ledger, sent, standing
from tests.ordering import AT, BUYER, LATER, cancel, halt, payment, request, resume
from tests.service_ordering import CONNECT
from tests.service_ordering import request as service_request

__all__ = ["ledger"]  # fixture

ANN: dict[str, Any] = {"by": "ann", "reason": "asked by letter", "at": LATER}
SECRETS = ("bo añ", "bo@buyer", "the buyer asked", "sign 1")


async def fulfilled(ledger: SqlLedger, number: str = "1042") -> None:
    await ledger.open_order(request(number), AT)
    await ledger.change_order(number, halt(), AT)
    await ledger.change_order(number, resume(), AT)
    await ledger.book(payment(10000, number, number, payer="Bo Añ"), AT)
    await ledger.note_answer(number, ReleaseKind.PRODUCTION, True, "made for Bo Añ", AT)


async def test_no_table_has_the_buyer_any_more_and_the_order_stays(ledger: SqlLedger, url: str) -> None:
    await fulfilled(ledger)
    await ledger.open_order(request("1043"), AT)
    await ledger.change_order("1043", cancel(), AT)
    assert all(secret in dump(url).lower() for secret in SECRETS)
    assert (await ledger.erase("buyer", **ANN)).rows > 5
    left = dump(url).lower()
    assert [secret for secret in SECRETS if secret in left] == []
    kept = await standing(ledger)
    assert (kept.stage, kept.order.price_minor, len(kept.order.releases)) == (OrderStage.FULFILLED, 10000, 1)
    assert [entry.what for entry in await ledger.order_log("1042")][-1] == "erased"
    assert (await ledger.erase("buyer", **ANN)).rows == 0


async def test_a_repeat_of_an_erased_order_gets_the_same_answer(ledger: SqlLedger) -> None:
    await fulfilled(ledger)
    await ledger.erase("buyer", **ANN)
    again = await ledger.open_order(request(), LATER)
    assert (again.is_new, again.standing.stage) == (False, OrderStage.FULFILLED)
    buyer = await ledger.buyer("buyer")
    assert buyer is not None
    assert buyer.name == "erased"
    with pytest.raises(InvalidInput, match="is another order already"):
        await ledger.open_order(request(price_minor=1), LATER)


async def test_a_buyer_with_an_open_order_or_money_is_refused(ledger: SqlLedger) -> None:
    with pytest.raises(NotFound):
        await ledger.erase("buyer", **ANN)
    await ledger.open_order(request(), AT)
    with pytest.raises(InvalidInput, match="order 1042 is open; cancel it first, or wait until it is fulfilled"):
        await ledger.erase("buyer", **ANN)
    await ledger.book(payment(4000), AT)
    await ledger.change_order("1042", cancel(), AT)
    with pytest.raises(InvalidInput, match=r"40\.00 EUR is owed to the customer; settle it first"):
        await ledger.erase("buyer", **ANN)
    await ledger.settle("buyer", **ANN)
    assert (await ledger.erase("buyer", **ANN)).rows


async def test_what_is_written_off_of_an_order_releases_nothing(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(3000), AT)
    with pytest.raises(InvalidInput, match="order 1042 is open"):
        await ledger.settle("buyer", **ANN)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "ok", AT)
    with pytest.raises(InvalidInput, match=r"70\.00 EUR is still owed for order 1042; settle it first"):
        await ledger.erase("buyer", **ANN)
    await ledger.settle("buyer", **ANN)
    kept = await standing(ledger)
    assert ([release.kind for release in kept.order.releases], kept.owed_minor) == ([ReleaseKind.PRODUCTION], 7000)
    assert (await ledger.balance("buyer")).is_even
    assert await ledger.released_unpaid([]) == []
    await ledger.erase("buyer", **ANN)


async def test_what_makes_a_write_off_good_releases(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(3000), AT)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "ok", AT)
    await ledger.settle("buyer", **ANN)
    await ledger.book(payment(7000, "late"), AT)
    paid = await standing(ledger)
    assert ([release.kind for release in paid.order.releases], paid.owed_minor) == (list(ReleaseKind), 0)
    (row,) = (await ledger.orders(OrderFilter())).rows
    assert (row.owed_minor, row.stage) == (0, OrderStage.RELEASED)


async def test_what_ships_after_an_erasure_names_no_erased_lines(ledger: SqlLedger) -> None:
    await ledger.open_order(request(deposit_percent=30), AT)
    await ledger.book(payment(3000), AT)
    await ledger.note_answer("1042", ReleaseKind.PRODUCTION, True, "ok", AT)
    await ledger.settle("buyer", **ANN)
    await ledger.erase("buyer", **ANN)
    await ledger.book(payment(7000, "late"), AT)
    shipment = (await sent(ledger))[-1]
    assert (shipment["kind"], shipment["lines"], shipment["file_digest"]) == ("shipment", [], "a" * 64)


async def test_a_customer_who_is_billed_monthly_keeps_the_account_while_an_order_is_open(ledger: SqlLedger) -> None:
    await ledger.record(drafted(), AT)
    await ledger.open_order(request(buyer=BUYER.evolve(customer_id="acme")), AT)
    with pytest.raises(InvalidInput, match="the account is open; close it first"):
        await ledger.erase("acme", **ANN)
    assert await ledger.customer("acme") == ACME


async def test_no_table_has_what_a_service_order_said_of_a_person(ledger: SqlLedger, url: str) -> None:
    values = {"tariff": "internet-100"}
    await ledger.open_service_order(service_request(values=values), CONNECT, AT, "ann")
    with pytest.raises(InvalidInput, match="order 77 is open; cancel it first"):
        await ledger.erase("dana", **ANN)
    await ledger.change_service_order("77", cancel(), AT)
    secrets = ("dana añ", "dana@example.com", "abay ave", "+77011234567", "the buyer asked")
    assert all(secret in dump(url).lower() for secret in secrets)
    await ledger.erase("dana", **ANN)
    left = dump(url).lower()
    assert [secret for secret in secrets if secret in left] == []
    shown = await ledger.service_order("77")
    assert shown is not None
    assert (shown.standing.outcome, [entry.what for entry in shown.log][-1]) == ("refused", "erased")
