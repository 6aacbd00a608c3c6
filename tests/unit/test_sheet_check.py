"""Each reason for which sheet and invoices differ, by itself: edits, late rows, months that bill nothing."""

import shlex

from billing.completeness.chains import Chain, ChainStatus
from billing.completeness.check import CompletenessCheck
from billing.completeness.report import CustomerState, FindingKind
from billing.completeness.row_check import DifferenceReason
from billing.completeness.snapshots import CustomerSnapshot, LineSnapshot
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.invoice import AddLine, Change, ChangeLine, RemoveLine
from billing.invoices.stages import Stage
from tests.suggested import todo
from tests.unit.covering import ACME, GONE, MANUAL, NOW, PERIOD, drafted, reasons, seen, snapshot, surveyed


def test_a_sheet_that_was_billed_as_it_stands_is_covered() -> None:
    read = snapshot([(ACME.mailbox, "10.00", "Tea"), (ACME.mailbox, "2.50", "Cup")])
    found = surveyed(read, seen(ACME, drafted(ACME, read)))
    assert found.covered
    assert (found.sums[0].sheet_minor, found.sums[0].invoiced_minor, reasons(found)) == (1250, 1250, {})


def test_what_reviewers_did_is_told_by_kind() -> None:
    read = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "2", "Cup"), (ACME.mailbox, "4,80", "Milk")])
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
    before = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "2", "Cup"), (ACME.mailbox, "7", "Pot")])
    after = snapshot([(ACME.mailbox, "11", "Tea"), (ACME.mailbox, "7", "Pot"), (ACME.mailbox, "30", "Set")])
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


def test_a_late_row_is_not_taken_for_a_line_by_hand_of_the_same_amount() -> None:
    before = snapshot([(ACME.mailbox, "10", "Tea")])
    after = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "99", "Set")])
    invoice = drafted(ACME, before).edited((AddLine(description="Setup fee", amount_minor=9900),))
    found = surveyed(after, seen(ACME, invoice))
    (finding,) = found.findings
    assert (found.covered, finding.kind) == (False, FindingKind.LATE_ROW)
    assert "row 3 added to the sheet since the import: 99.00 EUR" in finding.text
    assert todo(finding).startswith("if row 3 is 'Setup fee', added by hand, give it those words in the sheet; ")

    renamed = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "99", "Setup fee")])
    assert surveyed(renamed, seen(ACME, invoice)).covered
    twice = snapshot([(ACME.mailbox, "10", "Tea"), *[(ACME.mailbox, "99", "Setup fee")] * 2])
    assert surveyed(twice, seen(ACME, invoice)).kinds == {FindingKind.LATE_ROW: 1}


def test_neither_a_change_nor_a_gone_row_is_taken_for_a_line_by_hand_of_the_same_amount() -> None:
    before = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "2", "Cup")])
    invoice = drafted(ACME, before).edited((AddLine(description="Stamps", amount_minor=100),))
    after = snapshot([(ACME.mailbox, "11", "Tea"), (ACME.mailbox, "2", "Cup")])
    assert surveyed(after, seen(ACME, invoice)).kinds == {FindingKind.LATE_ROW: 1}
    invoice = drafted(ACME, before).edited((AddLine(description="Discount", amount_minor=-200),))
    assert surveyed(snapshot([(ACME.mailbox, "10", "Tea")]), seen(ACME, invoice)).kinds == {FindingKind.LATE_ROW: 1}


def test_a_row_in_the_words_of_a_line_by_hand_is_that_line_and_no_change_of_the_row_whose_place_it_took() -> None:
    before = snapshot([(ACME.mailbox, "10", "Tea")])
    invoice = drafted(ACME, before).edited((AddLine(description="Set", amount_minor=3000),))
    found = surveyed(snapshot([(ACME.mailbox, "30", "Set")]), seen(ACME, invoice))
    assert (found.kinds, reasons(found)[DifferenceReason.GONE_ROW]) == ({FindingKind.LATE_ROW: 1}, -1000)
    assert DifferenceReason.CHANGED_ROW not in reasons(found)


def test_rows_that_only_moved_are_the_same_rows() -> None:
    before = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "2", "Cup")])
    after = snapshot([("", "", "a title"), (ACME.mailbox, "2", "Cup"), (ACME.mailbox, "10", "Tea")])
    found = surveyed(after, seen(ACME, drafted(ACME, before)))
    assert reasons(found) == {}


def test_two_rows_of_one_amount_are_told_apart_by_what_they_say_not_by_where_they_stand() -> None:
    before = snapshot([(ACME.mailbox, "10", "Tea"), (ACME.mailbox, "10", "Cup")])
    after = snapshot([(ACME.mailbox, "99", "Set"), (ACME.mailbox, "10", "Tea"), (ACME.mailbox, "10", "Cup")])
    found = surveyed(after, seen(ACME, drafted(ACME, before)))
    assert reasons(found) == {DifferenceReason.NEW_ROW: 9900}
    (finding,) = found.findings
    assert "row 2 added to the sheet since the import: 99.00 EUR" in finding.text
    assert todo(finding).endswith("--add 'Set (2026-10)=99.00'")


def test_edits_stay_with_their_rows_when_the_sheet_is_sorted() -> None:
    before = [(ACME.mailbox, "480", "Licences"), (ACME.mailbox, "4800", "Training"), (ACME.mailbox, "4,80", "Milk")]
    edits: tuple[Change, ...] = (
        ChangeLine(line_id="row-3", amount_minor=48000),
        ChangeLine(line_id="row-4", amount_minor=480),
    )
    invoice = drafted(ACME, snapshot(before)).edited(edits)
    after = snapshot([(ACME.mailbox, "1", "New"), *reversed(before)])
    found = surveyed(after, seen(ACME, invoice))
    assert reasons(found) == {
        DifferenceReason.EDITED: 432000,
        DifferenceReason.ENTERED: -480,
        DifferenceReason.NEW_ROW: 100,
    }
    assert found.kinds == {FindingKind.LATE_ROW: 1}


def test_every_late_row_is_in_the_command_that_bills_it() -> None:
    before, after = snapshot([]), snapshot([(ACME.mailbox, "30", "Ann's set"), (ACME.mailbox, "-5", "Refund")])
    (finding,) = surveyed(after, seen(ACME, drafted(ACME, before))).findings
    command = todo(finding).partition("python starter.py ")[2]
    assert shlex.split(command)[-4:] == ["--add", "Ann's set (2026-10)=30.00", "--add", "Refund (2026-10)=-5.00"]


def test_a_line_of_a_later_month_that_points_at_the_sheet_makes_a_late_row_good() -> None:
    before, after = snapshot([]), snapshot([(ACME.mailbox, "30", "Set")])
    account = seen(ACME, drafted(ACME, before))
    assert account.month is not None
    later = account.month._replace(later=(LineSnapshot("late-2", "Set", 3000, 2, "d"),))
    found = surveyed(after, account._replace(month=later))
    assert found.covered
    assert reasons(found) == {DifferenceReason.LATER: 3000}


def test_a_line_that_nobody_edited_and_that_differs_from_the_same_sheet_is_unexplained() -> None:
    read = snapshot([(ACME.mailbox, "10", "Tea")])
    invoice = drafted(ACME, read)
    tampered = invoice.evolve(lines=(invoice.lines[0].evolve(amount_minor=900),))
    found = surveyed(read, seen(ACME, tampered))
    assert found.kinds == {FindingKind.UNEXPLAINED: 1}
    assert found.sums[0].unexplained_minor == 100


def test_an_invoice_that_does_not_add_up_is_unexplained() -> None:
    read = snapshot([(ACME.mailbox, "10", "Tea")])
    account = seen(ACME, drafted(ACME, read))
    assert account.month is not None
    found = surveyed(read, account._replace(month=account.month._replace(total_minor=1)))
    assert found.kinds == {FindingKind.UNEXPLAINED: 1}


def test_months_that_bill_nothing_of_the_sheet_say_why() -> None:
    read = snapshot([(ACME.mailbox, "10", "Tea"), (MANUAL.mailbox, "5", "Job"), (GONE.mailbox, "1", "Old")])
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


def test_a_month_that_was_imported_before_amounts_were_entered_by_hand_is_compared_with_the_sheet() -> None:
    read = snapshot([(ACME.mailbox, "10", "Tea")])
    now_manual = ACME.evolve(terms=Terms(review_mode=ReviewMode.MANUAL))
    account = seen(ACME, drafted(ACME, read))._replace(customer=now_manual)
    assert surveyed(read, account).covered


def test_a_workflow_whose_id_and_customer_are_longer_than_ours_hides_no_other() -> None:
    """Anybody who starts workflows there chooses both."""
    long, short = "x" * 900, "by hand"
    strays = [Chain(name, "MonthlyBilling", ChainStatus.RUNNING, name) for name in (long, short)]
    check = CompletenessCheck(PERIOD, NOW, None, (), strays)
    for chain in strays:
        check.stands_still(chain._replace(status=ChainStatus.PAUSED))
        check.stray(chain.workflow_id)
    report = check.coverage()
    assert report.kinds == {
        FindingKind.FAILED: 3,
        FindingKind.STRAY: 1,
        FindingKind.STANDSTILL: 1,
        FindingKind.NO_CUSTOMER: 1,
    }
