"""Sheet = invoiced + explained differences, whatever people type, edit and break; and each reason by itself."""

import shlex
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.completeness import tally as survey_record
from billing.completeness.chains import ChainStatus
from billing.completeness.check import CompletenessCheck
from billing.completeness.report import CompletenessReport, CustomerState, FindingKind
from billing.completeness.row_check import SINCE, CellRules, DifferenceReason
from billing.completeness.sheet_check import closest
from billing.completeness.snapshots import CustomerSnapshot, FormerAddress, LineSnapshot, MonthSnapshot
from billing.customers.address import email_key
from billing.customers.customer import Customer, ReviewMode, Terms
from billing.errors import InvalidInput
from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, LineItem, RemoveLine, SalesSeen
from billing.invoices.month import Month
from billing.invoices.stages import OUTCOMES, Stage
from billing.money import parse_amount
from billing.period import Period
from billing.sales.late_sales import SheetChange, compare_with_sheet, sheet_changes
from billing.sales.sales import SalesSnapshot, lines_for, rows_of, type_of_cell
from billing.sales.worksheet import read_worksheet
from tests.suggested import todo
from tests.unit.months import customer

PERIOD = Period("2026-10")
NOW = datetime(2026, 11, 9, tzinfo=UTC)
Cell = tuple[str, str | float, str]

ACME = customer()
TANAKA = customer(customer_id="tanaka", email="tanaka@example.com", currency="jpy")
MANUAL = customer(customer_id="hand", email="hand@example.com", terms={"review_mode": "manual"})
GONE = customer(customer_id="gone", email="gone@example.com")


def snapshot(rows: Sequence[Cell]) -> SalesSnapshot:
    addressed = not rows or any("@" in email for email, _, _ in rows)
    last = [] if addressed else [["@", "", ""]]
    return read_worksheet(PERIOD, [["email", "amount", "description"], *map(list, rows), *last])


def cells(read: SalesSnapshot) -> CellRules:
    return CellRules(PERIOD, read.sheet, read.digest, ".")


def drafted(who: Customer, read: SalesSnapshot) -> Invoice:
    invoice = Invoice(currency=who.currency, imported_at=NOW)
    if who.terms.review_mode is ReviewMode.MANUAL:
        return invoice
    lines, problems = lines_for(who, PERIOD, read)
    sales = SalesSeen(sheet=PERIOD, digest=read.digest, emails=(who.email,))
    return invoice.evolve(lines=lines, problems=problems, sales=sales)


def seen(who: Customer, invoice: Invoice | None, stage: Stage = Stage.PAID) -> CustomerSnapshot:
    """The customer with a month as the ledger would show it."""
    planned = Month.open(who, PERIOD)
    lines = invoice.lines if invoice else ()
    problems = invoice.problems if invoice else ()
    month = MonthSnapshot(
        stage=stage,
        email=who.email,
        currency=who.currency,
        total_minor=invoice.total_minor if invoice else 0,
        carried_minor=0,
        version=invoice.version if invoice else 0,
        import_at=planned.import_at,
        notice_at=planned.notice_at,
        charge_at=planned.charge_at,
        updated_at=NOW,
        closed_at=planned.charge_at if stage in OUTCOMES else None,
        next_at=None if stage in OUTCOMES else NOW,
        lines=tuple(_seen(line) for line in lines),
        problems=tuple(
            LineSnapshot(p.line_id, p.description, 0, p.source.row, p.source.digest, p.raw) for p in problems
        ),
        in_sheet={line.line_id: line.in_sheet for line in lines if line.in_sheet},
        left_out=invoice.left_out if invoice else (),
    )
    return CustomerSnapshot(who, NOW, first=PERIOD, last=PERIOD, month=month)


def _seen(line: LineItem) -> LineSnapshot:
    source = line.source
    return LineSnapshot(
        line.line_id,
        line.description,
        line.amount_minor,
        source.row if source else None,
        source.digest if source else "",
    )


def surveyed(read: SalesSnapshot, *accounts: CustomerSnapshot, runs: bool | None = True) -> CompletenessReport:
    survey = CompletenessCheck(PERIOD, NOW, cells(read), read.rows)
    for account in accounts:
        is_open = runs and account.closed_at is None
        survey.take(account, None if is_open is None else ChainStatus.RUNNING if is_open else ChainStatus.ABSENT)
    return survey.coverage()


def reasons(coverage: CompletenessReport) -> dict[DifferenceReason, int]:
    (only,) = coverage.sums
    return only.differences_minor


# -- each reason by itself


def test_a_sheet_that_was_billed_as_it_stands_is_covered() -> None:
    read = snapshot([(ACME.email, "10.00", "Tea"), (ACME.email, "2.50", "Cup")])
    found = surveyed(read, seen(ACME, drafted(ACME, read)))
    assert found.covered
    assert (found.sums[0].sheet_minor, found.sums[0].invoiced_minor, reasons(found)) == (1250, 1250, {})


def test_what_reviewers_did_is_told_by_kind() -> None:
    read = snapshot([(ACME.email, "10", "Tea"), (ACME.email, "2", "Cup"), (ACME.email, "4,80", "Milk")])
    edits: tuple[Change, ...] = (
        ChangeLine(line_id="row-2", amount_minor=900),
        RemoveLine(line_id="row-3"),
        ChangeLine(line_id="row-4", amount_minor=480),
        AddLine(description="Discount", amount_minor=-100),
    )
    found = surveyed(read, seen(ACME, drafted(ACME, read).edited(edits)))
    assert found.covered
    assert reasons(found) == {
        DifferenceReason.EDITED: 100,
        DifferenceReason.REMOVED: 200,
        DifferenceReason.ENTERED: -480,
        DifferenceReason.ADDED: 100,
    }


def test_rows_typed_changed_and_removed_after_the_import_are_findings_until_somebody_bills_them() -> None:
    before = snapshot([(ACME.email, "10", "Tea"), (ACME.email, "2", "Cup"), (ACME.email, "7", "Pot")])
    after = snapshot([(ACME.email, "11", "Tea"), (ACME.email, "7", "Pot"), (ACME.email, "30", "Set")])
    found = surveyed(after, seen(ACME, drafted(ACME, before)))
    assert found.kinds == {FindingKind.LATE_ROW: 1}
    assert reasons(found) == {
        DifferenceReason.CHANGED_ROW: 100,
        DifferenceReason.GONE_ROW: -200,
        DifferenceReason.NEW_ROW: 3000,
    }

    edits: tuple[Change, ...] = (
        ChangeLine(line_id="row-2", amount_minor=1100),
        RemoveLine(line_id="row-3"),
        AddLine(description="Set", amount_minor=3000),
    )
    assert surveyed(after, seen(ACME, drafted(ACME, before).edited(edits))).covered


def test_rows_that_only_moved_are_the_same_rows() -> None:
    before = snapshot([(ACME.email, "10", "Tea"), (ACME.email, "2", "Cup")])
    after = snapshot([("", "", "a title"), (ACME.email, "2", "Cup"), (ACME.email, "10", "Tea")])
    found = surveyed(after, seen(ACME, drafted(ACME, before)))
    assert reasons(found) == {}


def test_two_rows_of_one_amount_are_told_apart_by_what_they_say_not_by_where_they_stand() -> None:
    before = snapshot([(ACME.email, "10", "Tea"), (ACME.email, "10", "Cup")])
    after = snapshot([(ACME.email, "99", "Set"), (ACME.email, "10", "Tea"), (ACME.email, "10", "Cup")])
    found = surveyed(after, seen(ACME, drafted(ACME, before)))
    assert reasons(found) == {DifferenceReason.NEW_ROW: 9900}
    (finding,) = found.findings
    assert "row 2 added to the sheet since the import: 99.00 EUR" in finding.text
    assert todo(finding).endswith("--add 'Set (2026-10)=99.00'")


def test_edits_stay_with_their_rows_when_the_sheet_is_sorted() -> None:
    before = [(ACME.email, "480", "Licences"), (ACME.email, "4800", "Training"), (ACME.email, "4,80", "Milk")]
    edits: tuple[Change, ...] = (
        ChangeLine(line_id="row-3", amount_minor=48000),
        ChangeLine(line_id="row-4", amount_minor=480),
    )
    invoice = drafted(ACME, snapshot(before)).edited(edits)
    after = snapshot([(ACME.email, "1", "New"), *reversed(before)])
    found = surveyed(after, seen(ACME, invoice))
    assert reasons(found) == {
        DifferenceReason.EDITED: 432000,
        DifferenceReason.ENTERED: -480,
        DifferenceReason.NEW_ROW: 100,
    }
    assert found.kinds == {FindingKind.LATE_ROW: 1}


def test_every_late_row_is_in_the_command_that_bills_it() -> None:
    before, after = snapshot([]), snapshot([(ACME.email, "30", "Ann's set"), (ACME.email, "-5", "Refund")])
    (finding,) = surveyed(after, seen(ACME, drafted(ACME, before))).findings
    command = todo(finding).partition("python starter.py ")[2]
    assert shlex.split(command)[-4:] == ["--add", "Ann's set (2026-10)=30.00", "--add", "Refund (2026-10)=-5.00"]


def test_a_line_of_a_later_month_that_points_at_the_sheet_makes_a_late_row_good() -> None:
    before, after = snapshot([]), snapshot([(ACME.email, "30", "Set")])
    account = seen(ACME, drafted(ACME, before))
    assert account.month is not None
    later = account.month._replace(later=(LineSnapshot("late-2", "Set", 3000, 2, "d"),))
    found = surveyed(after, account._replace(month=later))
    assert found.covered
    assert reasons(found) == {DifferenceReason.LATER: 3000}


def test_a_line_that_nobody_edited_and_that_differs_from_the_same_sheet_is_unexplained() -> None:
    read = snapshot([(ACME.email, "10", "Tea")])
    invoice = drafted(ACME, read)
    tampered = invoice.evolve(lines=(invoice.lines[0].evolve(amount_minor=900),))
    found = surveyed(read, seen(ACME, tampered))
    assert found.kinds == {FindingKind.UNEXPLAINED: 1}
    assert found.sums[0].unexplained_minor == 100


def test_an_invoice_that_does_not_add_up_is_unexplained() -> None:
    read = snapshot([(ACME.email, "10", "Tea")])
    account = seen(ACME, drafted(ACME, read))
    assert account.month is not None
    found = surveyed(read, account._replace(month=account.month._replace(total_minor=1)))
    assert found.kinds == {FindingKind.UNEXPLAINED: 1}


def test_months_that_bill_nothing_of_the_sheet_say_why() -> None:
    read = snapshot([(ACME.email, "10", "Tea"), (MANUAL.email, "5", "Job"), (GONE.email, "1", "Old")])
    by_hand = AddLine(description="Job", amount_minor=600)
    found = surveyed(
        read,
        seen(ACME, None, stage=Stage.MONITORING),
        seen(MANUAL, drafted(MANUAL, read).edited((by_hand,))),
        CustomerSnapshot(GONE, NOW, closed_at=NOW, closed_reason="ann: moved away"),
    )
    assert reasons(found) == {
        DifferenceReason.NOT_IMPORTED: 1000,
        DifferenceReason.MANUAL: 500,
        DifferenceReason.ADDED: -600,
        DifferenceReason.CLOSED: 100,
    }
    assert found.kinds == {FindingKind.CLOSED_ROW: 1}
    skipped = surveyed(read, seen(ACME, drafted(ACME, read), stage=Stage.SKIPPED))
    assert reasons(skipped) == {DifferenceReason.SKIPPED: 1000, DifferenceReason.UNCLAIMED: 600}
    assert skipped.states[CustomerState.SKIPPED] == 1


def test_rows_of_nobody_name_the_closest_known_address() -> None:
    read = snapshot([("acme@exmaple.com", "10", "Tea"), ("who@elsewhere.org", "x", "Odd")])
    found = surveyed(read, seen(ACME, drafted(ACME, snapshot([]))))
    assert found.kinds == {FindingKind.UNCLAIMED: 2}
    texts = {each.text: todo(each) for each in found.findings}
    typo = next(text for text in texts if "acme@exmaple.com" in text)
    assert "row 2 of worksheet 2026-10" in typo
    assert "10.00 EUR" in typo
    assert "is it acme@example.com (acme)?" in texts[typo]
    assert "register the customer" in next(advice for text, advice in texts.items() if "who@" in text)
    assert found.unsummed_rows == 1


def test_a_total_keeps_nothing_red_once_it_says_that_it_is_no_sale() -> None:
    rows = [(ACME.email, "10", "Tea"), ("TOTAL", "10", "")]
    billed = seen(ACME, drafted(ACME, snapshot(rows[:1])))
    (finding,) = surveyed(snapshot(rows), billed).findings
    assert finding.kind is FindingKind.UNCLAIMED
    assert "write 'no sale' for the address" in todo(finding)
    found = surveyed(snapshot([*rows[:1], ("no sale", "10", "Total")]), billed)
    assert (found.covered, found.sums[0].sheet_minor) == (True, 1000)


def test_rows_of_nobody_in_doubt_or_in_another_currency_are_named_and_in_no_sum() -> None:
    header = ["email", "amount", "currency", "description"]
    rows: list[list[type_of_cell]] = [
        ["zz@zz.org", "1", "USD", "Tea"],
        ["zz@zz.org", "1", "", "", "234.50"],
        ["", None, "", "", "x"],
        ["", "", "", "words"],
    ]
    read = read_worksheet(PERIOD, [header, *rows])
    found = surveyed(read, seen(ACME, drafted(ACME, snapshot([]))))
    assert {each.text for each in found.findings} == {
        "rows 2, 3 of worksheet 2026-10, zz@zz.org: 1 USD, 1",
        "row 4 of worksheet 2026-10, without an address: no amount",
    }
    assert (found.unsummed_rows, found.sums[0].sheet_minor) == (3, 0)


def test_a_customer_whose_address_changed_since_the_import_still_owns_the_rows_that_were_billed() -> None:
    read = snapshot([("old@example.com", "10", "Tea")])
    billed = seen(ACME, drafted(ACME.evolve(email="old@example.com"), read))
    assert surveyed(read, billed).covered


# -- all of it at once

ADDRESSES = [
    ACME.email,
    "Acme@Example.com ",
    TANAKA.email,
    MANUAL.email,
    GONE.email,
    "acm@example.com",
    "zz@zz.org",
    "",
]
AMOUNTS: list[str | float] = ["10", "2.50", 7, 0.1, -3, "12,50", "", "#REF!", "1200", 99999999]
rows_of_people = st.lists(
    st.tuples(st.sampled_from(ADDRESSES), st.sampled_from(AMOUNTS), st.sampled_from(["Tea", "Cup", ""])), max_size=12
)
edits_of_people = st.lists(
    st.one_of(
        st.builds(AddLine, description=st.just("Extra"), amount_minor=st.sampled_from([-100, 700, 1000])),
        st.builds(
            ChangeLine, line_id=st.sampled_from([f"row-{n}" for n in range(2, 9)]), amount_minor=st.integers(-9, 9)
        ),
        st.builds(RemoveLine, line_id=st.sampled_from([f"row-{n}" for n in range(2, 9)])),
    ),
    max_size=4,
)
STAGES = [Stage.PAID, Stage.SKIPPED, Stage.MONITORING, Stage.HALTED, Stage.PAST_DUE, Stage.CARRIED_FORWARD]


class Fate(NamedTuple):
    """What becomes of a customer: ``invoiced`` False is an outage, ``known`` False a month that is missing."""

    edits: list[Change]
    stage: Stage
    invoiced: bool
    known: bool


fates = st.builds(Fate, edits_of_people, st.sampled_from(STAGES), st.booleans(), st.booleans())


def lived(who: Customer, read: SalesSnapshot, fate: Fate) -> CustomerSnapshot:
    if not fate.known:
        return CustomerSnapshot(who, NOW, first=PERIOD.previous(), last=PERIOD.previous())
    if not fate.invoiced:
        return seen(who, None, stage=Stage.AWAITING_SALES)
    invoice = drafted(who, read)
    for change in fate.edits:
        try:
            invoice = invoice.edited((change,))
        except InvalidInput:
            continue
    return seen(who, invoice, fate.stage)


@given(before=rows_of_people, after=st.none() | rows_of_people, fate=st.tuples(fates, fates, fates), order=st.randoms())
def test_the_sheet_is_what_was_invoiced_and_what_is_explained(before, after, fate, order) -> None:
    collected = snapshot(before)
    now = collected if after is None else snapshot(before[: len(before) // 2] + after)
    people = (ACME, TANAKA, MANUAL)
    accounts = [lived(who, collected, each) for who, each in zip(people, fate, strict=True)]
    accounts.append(CustomerSnapshot(GONE, NOW, closed_at=NOW, closed_reason="ann: moved away"))
    order.shuffle(accounts)
    found = surveyed(now, *accounts)

    sheet, invoiced, differences = Counter[str](), Counter[str](), Counter[str]()
    known = {who.email: (who.customer_id, who.currency) for who in (*people, GONE)}
    for row in now.rows:
        email = email_key(row.email)
        owner = email if email in known else closest(email, known)
        if owner:
            try:
                sheet[known[owner][1]] += parse_amount(row.amount, known[owner][1])
            except InvalidInput:
                continue
    for account in accounts:
        if account.month and account.month.stage is not Stage.SKIPPED:
            invoiced[account.customer.currency] += sum(line.amount_minor for line in account.month.lines)
    for each in found.differences:
        differences[each.currency] += each.amount_minor
    for sums in found.sums:
        currency = sums.currency
        assert sums.sheet_minor == sheet[currency] == sums.invoiced_minor + differences[currency]
        assert sums.invoiced_minor == invoiced[currency]
        assert sums.unexplained_minor == 0
    assert {name for name, minor in (sheet + invoiced).items() if minor} <= {each.currency for each in found.sums}
    assert FindingKind.UNEXPLAINED not in found.kinds
    assert found.customers.keys() == {who.customer_id for who in people}
    assert sum(found.states.values()) == 3


own_rows = st.lists(
    st.tuples(st.just(ACME.email), st.sampled_from(["10", "2.50", "7", "12,50"]), st.sampled_from(["Tea", "Cup", ""])),
    max_size=8,
)


@given(before=own_rows, added=own_rows, edits=edits_of_people, data=st.data())
def test_rows_that_were_moved_or_inserted_are_never_a_change(before, added, edits, data) -> None:
    """Whatever people have edited: what is new is new, and nothing else is different than in the sheet as it was."""
    read = snapshot(before)
    account = lived(ACME, read, Fate(edits, Stage.PAID, invoiced=True, known=True))
    after = snapshot(data.draw(st.permutations([*before, *added])))
    as_it_was, now = surveyed(read, account), surveyed(after, account)
    new, _ = lines_for(ACME, PERIOD, snapshot(added))
    expected = Counter(reasons(as_it_was) if as_it_was.sums else {})
    expected[DifferenceReason.NEW_ROW] += sum(line.amount_minor for line in new)
    assert +expected == +Counter(reasons(now) if now.sums else {})
    assert -expected == -Counter(reasons(now) if now.sums else {})
    typed = Counter((each.amount_minor, each.description) for each in now.differences if each.reason in SINCE)
    assert typed == Counter((line.amount_minor, line.description) for line in new)


@given(before=own_rows, after=own_rows, edits=edits_of_people)
def test_coverage_and_the_comparison_before_the_charge_find_the_same(before, after, edits) -> None:
    account = lived(ACME, snapshot(before), Fate(edits, Stage.PAID, invoiced=True, known=True))
    invoice = drafted(ACME, snapshot(before))
    for change in edits:
        with suppress(InvalidInput):
            invoice = invoice.edited((change,))
    read = snapshot(after)
    found = sheet_changes(invoice, rows_of(ACME, (ACME.email,), PERIOD, read))
    covered = surveyed(read, account)
    since = sum(each.amount_minor for each in covered.differences if each.reason in SINCE)
    by_hand = sum(each.amount_minor for each in covered.differences if each.reason is DifferenceReason.ADDED)
    taken_for_rows = sum(line.amount_minor for line in _said_by_the_sheet(invoice, found, read))
    assert by_hand == -sum(line.amount_minor for line in invoice.lines if line.source is None)
    if read.digest != snapshot(before).digest:
        assert since - taken_for_rows == sum(drift.amount_minor for drift in found)


def _said_by_the_sheet(invoice: Invoice, found: Sequence[SheetChange], read: SalesSnapshot) -> Sequence[LineItem]:
    """Lines by hand that ``billing.sales.late_sales`` takes for rows of the sheet, and coverage lists beside them."""
    sales = SalesSeen(sheet=PERIOD, digest=read.digest, emails=(ACME.email,))
    left = compare_with_sheet(invoice, rows_of(ACME, (ACME.email,), PERIOD, read), sales).by_hand
    return [line for line in invoice.lines if line.source is None and line not in left]


def test_a_row_under_a_former_address_is_never_suggested_to_a_stranger() -> None:
    read = snapshot([("tanakas@example.com", "10", "Tea")])  # is like TANAKA's
    moved = CustomerSnapshot(ACME, NOW, first=PERIOD, last=PERIOD, former=(FormerAddress("Tanakas@example.com"),))
    found = surveyed(read, moved, CustomerSnapshot(TANAKA, NOW, first=PERIOD, last=PERIOD))
    (finding,) = [each for each in found.findings if each.kind is FindingKind.FORMER_ADDRESS]
    assert (finding.customer_id, todo(finding)) == ("acme", f"correct row 2 to {ACME.email}")
    assert FindingKind.UNCLAIMED not in found.kinds

    shared = FormerAddress("tanakas@example.com", is_shared=True)
    both = [
        account._replace(former=(shared,))
        for account in (moved, CustomerSnapshot(GONE, NOW, first=PERIOD, last=PERIOD))
    ]
    (finding,) = [each for each in surveyed(read, *both).findings if each.kind is FindingKind.FORMER_ADDRESS]
    assert finding.text == "row 2 of worksheet 2026-10, tanakas@example.com: acme and gone had this address before"
    assert todo(finding) == "correct row 2 to the address of one of them"


@pytest.mark.parametrize("runs", [True, False, None])
def test_a_month_that_is_not_there_is_missing_unless_the_chain_is_on_its_way_to_it(runs: bool | None) -> None:
    behind = CustomerSnapshot(ACME, NOW, first=PERIOD.previous(), last=PERIOD.previous())
    found = surveyed(snapshot([]), behind, runs=runs)
    assert found.customers == {"acme": CustomerState.MISSING if runs is False else CustomerState.WAITING}
    lost = behind._replace(first=PERIOD.previous(), last=PERIOD.next())
    assert surveyed(snapshot([]), lost, runs=runs).customers == {"acme": CustomerState.MISSING}


def test_a_month_that_was_imported_before_amounts_were_entered_by_hand_is_compared_with_the_sheet() -> None:
    read = snapshot([(ACME.email, "10", "Tea")])
    now_manual = ACME.evolve(terms=Terms(review_mode=ReviewMode.MANUAL))
    account = seen(ACME, drafted(ACME, read))._replace(customer=now_manual)
    assert surveyed(read, account).covered


def test_the_emergency_brake_is_one_finding_however_many_it_stops() -> None:
    read = snapshot([])
    stopped = seen(ACME, drafted(ACME, read), stage=Stage.HALTED)
    assert stopped.month is not None
    month = stopped.month._replace(braked=True, needs="the emergency brake is on: last year's sheet")
    found = surveyed(
        read, stopped._replace(month=month), CustomerSnapshot(TANAKA, NOW, first=PERIOD, last=PERIOD, month=month)
    )
    assert found.kinds == {FindingKind.HALTED: 1}
    assert "(2 customers)" in found.findings[0].text
    assert "brake off" in todo(found.findings[0])
    assert found.states[CustomerState.HALTED] == 2


def halted(read: SalesSnapshot, needs: str) -> CustomerSnapshot:
    account = seen(ACME, drafted(ACME, read), stage=Stage.HALTED)
    assert account.month is not None
    return account._replace(month=account.month._replace(needs=needs))


def test_a_month_halted_by_a_row_that_was_deleted_since_is_a_finding() -> None:
    before = snapshot([(ACME.email, "10", "Tea"), (ACME.email, "#REF!", "Cup")])
    needs = "row 3 of worksheet 2026-10 cannot be read: no amount"
    found = surveyed(snapshot([(ACME.email, "10", "Tea")]), halted(before, needs))
    assert found.kinds == {FindingKind.HALTED: 1}
    assert found.findings[0].text == f"acme: {needs}"
    for word in ("edit acme", "--remove row-3", "refresh", "skip"):
        assert word in todo(found.findings[0])


def test_a_month_halted_by_a_total_that_cannot_be_charged_is_a_finding() -> None:
    read = snapshot([(ACME.email, "900000", "Mill"), (ACME.email, "900000", "Barn")])
    found = surveyed(read, halted(read, "1800000.00 EUR is more than can be charged at once"))
    assert found.kinds == {FindingKind.HALTED: 1}
    assert "edit acme" in todo(found.findings[0])


def test_a_month_halted_by_a_row_that_still_cannot_be_read_is_one_finding() -> None:
    read = snapshot([(ACME.email, "#REF!", "Cup")])
    assert surveyed(read, halted(read, "row 2 cannot be read")).kinds == {FindingKind.UNREADABLE: 1}


def test_a_month_halted_by_its_draft_is_a_finding_while_the_sheet_is_down() -> None:
    blind = CompletenessCheck(PERIOD, NOW, None)
    blind.take(halted(snapshot([(ACME.email, "#REF!", "Cup")]), "row 2 cannot be read"), ChainStatus.RUNNING)
    assert blind.coverage().kinds == {FindingKind.HALTED: 1}


# -- very many


def test_each_kind_of_finding_and_difference_is_kept_however_many_others_came_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(survey_record, "KEPT", 3)
    crowd = [customer(customer_id=f"c{n}", email=f"c{n}@example.com") for n in range(5)]
    read = snapshot([*((who.email, "1", "Tea") for who in crowd), ("zz@zz.org", "7", "Odd")])
    lost = [CustomerSnapshot(who, NOW, first=PERIOD.previous(), last=PERIOD.next()) for who in crowd]
    found = surveyed(read, *lost)
    assert found.kinds == {FindingKind.MISSING: 5, FindingKind.UNCLAIMED: 1}
    assert Counter(each.kind for each in found.findings) == {FindingKind.MISSING: 3, FindingKind.UNCLAIMED: 1}
    assert Counter(each.reason for each in found.differences) == {
        DifferenceReason.MISSING: 3,
        DifferenceReason.UNCLAIMED: 1,
    }
    assert found.cut == (
        "findings, missing: 3 of 5",
        "differences, the customer has no month: 3 of 5",
        "late months: 3 of 5",
    )
    short = found.brief(2)
    assert [each.kind for each in short.findings] == [FindingKind.MISSING, FindingKind.UNCLAIMED]
    assert [each.reason for each in short.differences] == [DifferenceReason.MISSING, DifferenceReason.UNCLAIMED]
    assert short.cut == found.cut


def test_nothing_is_said_to_be_cut_that_was_not() -> None:
    read = snapshot([("zz@zz.org", "7", "Odd")])
    assert surveyed(read, CustomerSnapshot(ACME, NOW, first=PERIOD.previous(), last=PERIOD.next())).cut == ()


def test_the_latest_months_are_kept_in_whatever_order_they_come(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(survey_record, "KEPT", 2)
    late = []
    for hours in (10, 30, 20, 40):
        account = seen(customer(customer_id=f"c{hours}", email=f"c{hours}@example.com"), drafted(ACME, snapshot([])))
        assert account.month is not None
        closed_at = account.month.charge_at + timedelta(hours=hours)
        late.append(account._replace(month=account.month._replace(closed_at=closed_at)))
    found = surveyed(snapshot([]), *late)
    assert [each.customer_id for each in found.late] == ["c40", "c30"]
    assert found.late_count == 4
