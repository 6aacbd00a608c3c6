"""Orders that are paid and not released: since when, what holds them, and what coverage and monitors say of them."""

from datetime import UTC, datetime, timedelta

from billing.completeness.check import CompletenessCheck
from billing.completeness.report import FindingKind, new_findings
from billing.progress import Halted
from billing.receivables.journal import Cause, Subject, Transaction, billed, moved, receivable
from billing.remedies import RemedyAction
from billing.reviewers.brake import Brake
from inbound.monitor import lost_releases
from orders.findings import ended_credit, paid_unreleased, released_unpaid
from orders.order import Agreement, EndKind, Order, OrderLine, OrderStanding, Release, ReleaseKind
from orders.ports import EndedCredit
from orders.unreleased import Hold, Unreleased, unreleased
from tests.unit.covering import PERIOD

AT = datetime(2026, 12, 1, 3, tzinfo=UTC)
PULLED = Brake(number=1, pulled_by="ann", pulled_why="wrong file", pulled_via="cli", pulled_at=AT)


def order(deposit_percent: int | None = None, **fields: object) -> Order:
    lines = (OrderLine(description="Sign", amount_minor=10_000),)
    agreed = Agreement(lines=lines, deposit_percent=deposit_percent)
    opened = Order(number="1042", customer_id="bo", currency="eur", agreed=agreed, opened_at=AT, opened_by="")
    return opened.evolve(**fields)


def move(minor: int, hours: int, cause: Cause = Cause.PAYMENT) -> Transaction:
    """Of the order's receivable."""
    entries = moved(minor, "eur", receivable("bo", Subject.order("1042")), billed("bo"))
    at = AT + timedelta(hours=hours)
    return Transaction(key=f"{hours} {minor}", cause=cause, at=at, customer_id="bo", entries=entries)


DUE = move(10_000, 0, Cause.NOTICE)


def found(which: Order, *moves: Transaction, brake: Brake | None = None) -> Unreleased | None:
    owed_minor = 10_000 + sum(entry.amount_minor for each in moves for entry in each.entries[:1])
    return unreleased(OrderStanding(order=which, owed_minor=owed_minor), (DUE, *moves), brake)


def test_an_order_waits_since_the_payment_that_paid_enough() -> None:
    waits = found(order(), move(-4_000, 1), move(-6_000, 2))
    assert waits is not None
    assert (waits.since, waits.hold, waits.kind) == (AT + timedelta(hours=2), Hold.DEFECT, ReleaseKind.PRODUCTION)
    assert found(order(), move(-4_000, 1)) is None


def test_money_that_went_back_in_between_starts_the_time_anew() -> None:
    waits = found(order(), move(-10_000, 1), move(10_000, 2, Cause.CHARGEBACK), move(-10_000, 3))
    assert waits is not None
    assert waits.since == AT + timedelta(hours=3)


def test_a_deposit_is_enough_for_production_and_the_rest_for_the_shipment() -> None:
    waits = found(order(30), move(-3_000, 1))
    assert waits is not None
    assert waits.kind is ReleaseKind.PRODUCTION
    released = Release(kind=ReleaseKind.PRODUCTION, version=1, at=AT, position=2, owed_minor=7_000)
    assert found(order(30, releases=(released,)), move(-3_000, 1)) is None
    shipment = found(order(30, releases=(released,)), move(-3_000, 1), move(-7_000, 4))
    assert shipment is not None
    assert (shipment.kind, shipment.since) == (ReleaseKind.SHIPMENT, AT + timedelta(hours=4))


def test_a_halt_goes_before_the_brake_and_both_are_told_already() -> None:
    halted = order(halt=Halted(by="eve", reason="look at the file", at=AT))
    by_hand, braked = found(halted, move(-10_000, 1), brake=PULLED), found(order(), move(-10_000, 1), brake=PULLED)
    assert by_hand is not None
    assert braked is not None
    finding = paid_unreleased(by_hand)
    assert finding.text == (
        "order 1042 of bo is paid enough for production since 2026-12-01 04:00 UTC, and not released: halted by eve: "
        "look at the file"
    )
    assert [remedy.action for remedy in finding.remedies] == [RemedyAction.RESUME_ORDER, RemedyAction.SHOW_ORDER]
    assert [remedy.action for remedy in paid_unreleased(braked).remedies] == [RemedyAction.RELEASE_BRAKE]
    assert finding.is_told
    assert paid_unreleased(braked).is_told


def test_what_the_brake_has_held_waits_from_its_release_on() -> None:
    released_at = AT + timedelta(hours=9)
    waits = found(order(), move(-10_000, 1), brake=PULLED.evolve(released_at=released_at))
    assert waits is not None
    assert (waits.hold, waits.since, waits.free_since) == (Hold.DEFECT, AT + timedelta(hours=1), released_at)


def test_a_lost_release_is_told_once_and_turns_the_switch_red() -> None:
    waits = found(order(), move(-10_000, 1))
    assert waits is not None
    check = CompletenessCheck(PERIOD, AT, None)
    check.take_finding(paid_unreleased(waits))
    report = check.coverage()
    assert not report.covered
    assert report.kinds == {FindingKind.UNRELEASED: 1}
    (news,) = new_findings(report, ())
    assert list(new_findings(report, (news.text,))) == []
    (words,) = lost_releases([waits])
    assert words.startswith("1 order is paid and not released since 2026-12-01 04:00 UTC")
    assert "1042" not in words
    assert lost_releases([]) == []


def test_every_finding_names_its_order_and_says_what_to_do() -> None:
    release = Release(kind=ReleaseKind.PRODUCTION, version=1, at=AT, position=2, owed_minor=0)
    owed = released_unpaid(OrderStanding(order=order(releases=(release,)), owed_minor=2_500))
    assert "25.00 EUR of 100.00 EUR are owed for it again" in owed.text
    left = {"number": "1042", "customer_id": "bo", "currency": "eur", "credit_minor": 500}
    expired = ended_credit(EndedCredit.model_validate(left | {"end": EndKind.EXPIRED}))
    assert expired.text == "5.00 EUR of bo came for order 1042, which has expired: it pays nothing now"
    for finding in (owed, expired):
        assert (finding.order_number, finding.customer_id) == ("1042", "bo")
        assert finding.advice
        assert [remedy.action for remedy in finding.remedies] == [RemedyAction.SHOW_ORDER]
