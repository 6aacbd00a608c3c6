"""The arithmetic of a rehearsal: rows, summaries, the difference to a real month."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from billing.invoices.commands import Delivered
from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.payments.payment import ChargeResult, ChargeStatus
from billing.period import Period
from billing.sales.worksheet import read_worksheet
from billing.subscribers.service import ServiceCause, ServiceChange, ServiceState
from cli.sandbox.rehearsal_tables import print_rehearsal
from cli.terminal.output import console
from sandbox.rehearsal.book import Book, BookEntry
from sandbox.rehearsal.reality import RealMonth, RealSettings
from sandbox.rehearsal.report import (
    ALREADY_PAST,
    CLOCKS_CHANGE,
    LATE,
    NOT_REACHED,
    WAITING,
    WEEKEND,
    differences,
    restrictions_of,
    rows_of,
    summaries,
    sums,
)
from sandbox.rehearsal.reviewers import PersonNeeded
from sandbox.rehearsal.run import RehearsalResult
from sandbox.rehearsal.sheets import Worksheets
from tests.unit.months import HOUR, announced, drafted, opened

OCTOBER, NOVEMBER = Period("2026-10"), Period("2026-11")


def _charged(month: Month, status: ChargeStatus = ChargeStatus.SUCCEEDED, late: timedelta = timedelta()) -> Month:
    at = month.charge_at + late
    return month.begin_charge(at).charged(ChargeResult(status=status, at=at))


def _book(*months: Month) -> Book:
    sheets = Worksheets({}, {OCTOBER: OCTOBER, NOVEMBER: OCTOBER}, [])
    return Book(
        "a test", [BookEntry(each) for each in months], (OCTOBER, NOVEMBER), sheets, {}, RealSettings("", "", ".")
    )


def _result(*closed: Month, **fields: Any) -> RehearsalResult:
    months = {(each.customer.customer_id, each.period): each for each in closed}
    values: dict[str, Any] = {
        "waiting": {},
        "needs": [],
        "commands": [],
        "collections": {},
        "mails": 0,
        "folder": Path(),
    }
    return RehearsalResult(closed=months, **values | fields)


def test_rows_of_nobody_and_columns_that_are_not_read_are_printed() -> None:
    month = _charged(announced(1000))
    sheet = read_worksheet(OCTOBER, [["email", "amount", "VAT"], ["who@elsewhere.org", 7, "20%"], ["", 0, ""]])
    sheets = Worksheets({OCTOBER: sheet}, dict.fromkeys((OCTOBER, NOVEMBER), OCTOBER), [])
    book = replace(_book(month), sheets=sheets, unclaimed=tuple(sheets.unclaimed(["acme@example.com"])))
    with console.capture() as printed:
        print_rehearsal(book, _result(month), rows_of(book, _result(month)), [], 1)
    text = printed.get()
    assert "worksheet 2026-10 has columns that are not read: VAT" in text
    assert "Rows that belong to nobody" in text
    assert "who@elsewhere.org" in text


def test_a_month_sums_up_what_everybody_was_charged() -> None:
    paid = _charged(announced(1000))
    other = _charged(announced(2000, 50, customer_id="globex"))
    declined = _charged(announced(9900, customer_id="denver"), ChargeStatus.DECLINED)
    rows = rows_of(_book(paid, other, declined), _result(paid, other, declined))
    month = summaries(rows)[0]
    assert (month.period, month.sheets, month.customers) == (OCTOBER, (OCTOBER,), 3)
    assert month.charged_minor == {"eur": 3050}
    assert month.stages == {"Paid": 2, "PastDue": 1}
    assert (month.past_due, month.need_person) == (1, 0)
    assert month.first_at == month.last_at == paid.charge_at


def test_a_month_without_a_worksheet_says_which_one_it_repeats() -> None:
    month = _charged(announced(1000))
    rows = rows_of(_book(month), _result(month))
    assert [(row.period, row.sheet) for row in rows] == [(OCTOBER, OCTOBER), (NOVEMBER, OCTOBER)]


def test_who_stays_waiting_is_told_apart_from_the_months_after() -> None:
    waiting = drafted(1000)
    need = PersonNeeded("acme", OCTOBER, waiting.notice_at, "halted by ann: row 7", "left waiting")
    rows = rows_of(_book(waiting), _result(waiting={"acme": waiting}, needs=[need]))
    assert [row.stage for row in rows] == [WAITING, NOT_REACHED]
    assert [(row.person, row.assumed) for row in rows] == [("halted by ann: row 7", "left waiting"), ("", "")]
    assert [month.need_person for month in summaries(rows)] == [1, 0]


def test_who_is_past_the_rehearsed_months_is_told_in_the_last_of_them() -> None:
    paid, ahead = _charged(announced(1000)), opened(customer_id="ahead").evolve(period=NOVEMBER.next())
    rows = rows_of(_book(paid, ahead), _result(paid))
    assert [(row.period, row.stage) for row in rows if row.customer_id == "ahead"] == [(NOVEMBER, ALREADY_PAST)]
    assert [month.stages for month in summaries(rows)] == [{"Paid": 1}, {NOT_REACHED: 1, ALREADY_PAST: 1}]


def test_clock_changes_weekends_and_lateness_are_told() -> None:
    assert _odd(_charged(announced(1000, terms={"schedule": {"charge_days": 3}}))) == (WEEKEND,)  # 7 November
    late = _charged(announced(1000), late=HOUR * 30)
    assert _odd(late) == (LATE,)
    march = Month.open(opened().customer, Period("2027-02"))  # told on 4 March, charged on 28 March
    winter = march.evolve(
        customer=march.customer.evolve(terms={"schedule": {"charge_days": 26}}),
        charge_at=march.notice_at + timedelta(days=26),
    )
    moved = winter.drafted(_invoice(winter)).announcing(winter.notice_at).delivered(Delivered(at=winter.notice_at))
    assert CLOCKS_CHANGE in _odd(_charged(moved))


def _invoice(month: Month) -> Any:
    invoice = drafted(1000).invoice
    assert invoice is not None
    return invoice.evolve(imported_at=month.import_at)


def _odd(month: Month) -> tuple[str, ...]:
    sheets = Worksheets({}, {month.period: month.period}, [])
    book = Book("a test", [BookEntry(month)], (month.period,), sheets, {}, RealSettings("", "", "."))
    (row,) = rows_of(book, _result(month))
    return row.odd


def test_the_difference_to_a_real_month_names_everybody_once() -> None:
    names = ("same", "more", "declines", "new")
    months = {name: _charged(announced(1000, customer_id=name)) for name in names}
    rows = [row for row in rows_of(_book(*months.values()), _result(*months.values())) if row.period == OCTOBER]
    real = {
        "same": RealMonth(str(Stage.PAID), "eur", 1000),
        "more": RealMonth(str(Stage.PAID), "eur", 900),
        "declines": RealMonth(str(Stage.PAST_DUE), "eur", 1000),
        "gone": RealMonth(str(Stage.PAID), "usd", 500),
    }
    found = {each.customer_id: each.verdict for each in differences(rows, real)}
    assert found == {
        "same": "same",
        "more": "amount",
        "declines": "outcome",
        "new": "only here",
        "gone": "only there",
    }
    assert sums(differences(rows, real)) == {"eur": (4000, 2900), "usd": (0, 500)}


def _printed(*months: Month) -> list[list[str]]:
    book, result = _book(*months), _result(*months)
    with console.capture() as captured:
        print_rehearsal(book, result, rows_of(book, result), [], 1.0)
    return [line.split() for line in captured.get().splitlines()]


def test_months_are_printed_one_a_line_with_what_was_charged() -> None:
    lines = _printed(_charged(announced(1000)), _charged(announced(9900, customer_id="d"), ChargeStatus.DECLINED))
    assert ["2026-10", "2026-10", "1", "1", "10.00", "EUR"] in [line[:6] for line in lines]
    assert ["all", "2", "1", "1", "10.00", "EUR"] in lines  # November is not reached, twice


def test_amounts_in_several_currencies_are_printed_beside_each_other() -> None:
    yen = announced(1000, customer_id="tanaka", currency="jpy")
    lines = _printed(_charged(announced(1000)), _charged(yen))
    assert lines[lines.index(["Charged", "EUR", "JPY"]) + 2 :][:3] == [
        ["2026-10", "10.00", "1000"],
        ["2026-11"],
        ["all", "10.00", "1000"],
    ]


def _change(number: str, position: int, state: ServiceState, cause: ServiceCause) -> ServiceChange:
    at = opened().import_at + timedelta(days=position)
    values = {"number": number, "position": position, "customer_id": "acme", "key": str(position), "at": at}
    return ServiceChange.model_validate({**values, "state": state, "cause": cause, "by": None, "reason": "a test"})


def test_a_restriction_for_not_paying_is_told_with_its_end_and_a_holiday_is_not() -> None:
    limited = _change("1000009", 2, ServiceState.LIMITED, ServiceCause.NON_PAYMENT)
    away = _change("1000017", 2, ServiceState.SUSPENDED, ServiceCause.REQUEST)
    suspended = _change("1000009", 3, ServiceState.SUSPENDED, ServiceCause.NON_PAYMENT)
    paid = _change("1000009", 4, ServiceState.ACTIVE, ServiceCause.PAID)
    again = _change("1000009", 5, ServiceState.SUSPENDED, ServiceCause.NON_PAYMENT)
    told = [(each.state, each.at, each.until) for each in restrictions_of([limited, away, suspended, paid, again])]
    assert told == [
        (ServiceState.LIMITED, limited.at, suspended.at),
        (ServiceState.SUSPENDED, suspended.at, paid.at),
        (ServiceState.SUSPENDED, again.at, None),
    ]
