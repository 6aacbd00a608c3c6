"""Sheet = invoiced + explained differences, whatever people type, edit and break."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from billing.completeness.report import FindingKind
from billing.completeness.row_check import SINCE, DifferenceReason
from billing.completeness.sheet_check import closest
from billing.completeness.snapshots import CustomerSnapshot
from billing.customers.address import email_key
from billing.customers.customer import Customer
from billing.errors import InvalidInput
from billing.invoices.invoice import AddLine, Change, ChangeLine, Invoice, LineItem, RemoveLine, SalesSeen
from billing.invoices.stages import Stage
from billing.money import parse_amount
from billing.sales.late_sales import SheetChange, compare_with_sheet, sheet_changes
from billing.sales.sales import SalesSnapshot, lines_for, rows_of
from tests.unit.covering import ACME, GONE, MANUAL, NOW, PERIOD, TANAKA, drafted, reasons, seen, snapshot, surveyed

ADDRESSES = [
    ACME.mailbox,
    "Acme@Example.com ",
    TANAKA.mailbox,
    MANUAL.mailbox,
    GONE.mailbox,
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
    known = {who.mailbox: (who.customer_id, who.currency) for who in (*people, GONE)}
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
    st.tuples(
        st.just(ACME.mailbox), st.sampled_from(["10", "2.50", "7", "12,50"]), st.sampled_from(["Tea", "Cup", ""])
    ),
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
    found = sheet_changes(invoice, rows_of(ACME, (ACME.mailbox,), PERIOD, read))
    covered = surveyed(read, account)
    since = sum(each.amount_minor for each in covered.differences if each.reason in SINCE)
    by_hand = sum(each.amount_minor for each in covered.differences if each.reason is DifferenceReason.ADDED)
    taken_for_rows = sum(line.amount_minor for line in _said_by_the_sheet(invoice, found, read))
    assert by_hand == -sum(line.amount_minor for line in invoice.lines if line.source is None)
    if read.digest != snapshot(before).digest:
        assert since - taken_for_rows == sum(drift.amount_minor for drift in found)


def _said_by_the_sheet(invoice: Invoice, found: Sequence[SheetChange], read: SalesSnapshot) -> Sequence[LineItem]:
    """Lines by hand that ``billing.sales.late_sales`` takes for rows of the sheet, and coverage lists beside them."""
    sales = SalesSeen(sheet=PERIOD, digest=read.digest, emails=(ACME.mailbox,))
    left = compare_with_sheet(invoice, rows_of(ACME, (ACME.mailbox,), PERIOD, read), sales).by_hand
    return [line for line in invoice.lines if line.source is None and line not in left]
