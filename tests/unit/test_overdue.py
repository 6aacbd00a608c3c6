"""What is overdue: what is due by now, less the customer's credit."""

from datetime import UTC, datetime, timedelta

from billing.period import Period
from billing.receivables.journal import Balance, Outstanding, Subject
from billing.receivables.overdue import overdue

AT = datetime(2026, 12, 1, 9, tzinfo=UTC)
NOVEMBER, DECEMBER = Subject.month(Period("2026-11")), Subject.month(Period("2026-12"))


def owed(amount_minor: int, subject: Subject = NOVEMBER, days: int | None = 0, currency: str = "eur") -> Outstanding:
    due_at = None if days is None else AT + timedelta(days=days)
    return Outstanding(subject=subject, currency=currency, amount_minor=amount_minor, due_at=due_at)


def test_what_is_due_by_now_is_overdue_and_what_falls_due_later_is_not() -> None:
    balance = Balance(owed=(owed(100), owed(70, DECEMBER, days=1), owed(5, DECEMBER, days=None)), credits={})
    assert overdue(balance, AT) == {"eur": 100}
    assert overdue(balance, AT - timedelta(seconds=1)) == {}


def test_credit_counts_in_its_currency_whether_a_draft_has_taken_it_over_or_not() -> None:
    assert overdue(Balance(owed=(owed(100),), credits={"eur": -100}), AT) == {}
    assert overdue(Balance(owed=(owed(100), owed(-40, DECEMBER, days=None)), credits={"eur": -59}), AT) == {"eur": 1}
    assert overdue(Balance(owed=(owed(100),), credits={"usd": -500}), AT) == {"eur": 100}


def test_a_debt_too_small_to_be_charged_and_an_order_are_not_overdue() -> None:
    assert overdue(Balance(owed=(owed(500, Subject.order("1042")),), credits={"eur": 30}), AT) == {}
