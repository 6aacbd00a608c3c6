"""Rows of nobody, in doubt, or under a former address: each is named, and no other is held up."""

from typing import Any

import pytest

from billing.completeness import sheet_check
from billing.completeness.report import CustomerState, FindingKind
from billing.completeness.snapshots import CustomerSnapshot, FormerAddress
from billing.sales.sales import type_of_cell
from billing.sales.worksheet import read_worksheet
from tests.suggested import todo
from tests.unit.covering import ACME, GONE, MANUAL, NOW, PERIOD, TANAKA, drafted, seen, snapshot, surveyed


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
    rows = [(ACME.mailbox, "10", "Tea"), ("TOTAL", "10", "")]
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


def test_a_row_under_a_former_address_is_never_suggested_to_a_stranger() -> None:
    read = snapshot([("tanakas@example.com", "10", "Tea")])  # is like TANAKA's
    moved = CustomerSnapshot(ACME, NOW, first=PERIOD, last=PERIOD, former=(FormerAddress("Tanakas@example.com"),))
    found = surveyed(read, moved, CustomerSnapshot(TANAKA, NOW, first=PERIOD, last=PERIOD))
    (finding,) = [each for each in found.findings if each.kind is FindingKind.FORMER_ADDRESS]
    assert (finding.customer_id, todo(finding)) == ("acme", f"correct row 2 to {ACME.mailbox}")
    assert FindingKind.UNCLAIMED not in found.kinds

    shared = FormerAddress("tanakas@example.com", is_shared=True)
    both = [
        account._replace(former=(shared,))
        for account in (moved, CustomerSnapshot(GONE, NOW, first=PERIOD, last=PERIOD))
    ]
    (finding,) = [each for each in surveyed(read, *both).findings if each.kind is FindingKind.FORMER_ADDRESS]
    assert finding.text == "row 2 of worksheet 2026-10, tanakas@example.com: acme and gone had this address before"
    assert todo(finding) == "correct row 2 to the address of one of them"


def about_bad(argument: Any, rows: Any = (), *_: Any) -> bool:
    """Whether a function of the check is asked about an address at bad.org: by text, row or rows."""
    texts = (
        [argument] if isinstance(argument, str) else [row.email for row in (argument, *rows) if hasattr(row, "number")]
    )
    return any("bad.org" in text for text in texts)


@pytest.mark.parametrize(
    ("broken", "failing"),
    [
        ("email_key", "nobody gone old"),
        ("closest", "nobody"),
        ("amount_of", "nobody"),
        ("read_rows", "gone old"),
    ],
)
def test_rows_of_nobody_that_fail_unexpectedly_are_named_and_every_other_row_is_checked(
    monkeypatch: pytest.MonkeyPatch, broken: str, failing: str
) -> None:
    """Of nobody, of a closed account, under a former address; of each kind two, of which one fails."""
    typed = [f"{name}@{place}.org" for name in ("nobody", "gone", "old") for place in ("bad", "fine")]
    read = snapshot([(ACME.mailbox, "10", "Tea"), *((email, "1", "Tea") for email in typed)])
    accounts = [seen(ACME, drafted(ACME, read))]
    for place in ("bad", "fine"):
        closed = GONE.evolve(customer_id=f"gone-{place}", email=f"gone@{place}.org")
        moved = MANUAL.evolve(customer_id=f"moved-{place}", email=f"new@{place}.net")
        accounts.append(CustomerSnapshot(closed, NOW, closed_at=NOW, closed_reason="moved"))
        accounts.append(seen(moved, drafted(moved, read))._replace(former=(FormerAddress(f"old@{place}.org"),)))
    original = getattr(sheet_check, broken)

    def fails(*arguments: Any) -> Any:
        if about_bad(*arguments):
            raise RuntimeError("unforeseen")
        return original(*arguments)

    monkeypatch.setattr(sheet_check, broken, fails)
    report = surveyed(read, *accounts)
    rows = [f"row {typed.index(f'{name}@bad.org') + 3} of worksheet {PERIOD}" for name in failing.split()]
    failed = [finding.text for finding in report.findings if finding.kind is FindingKind.FAILED]
    for row in rows:
        assert any(text.startswith(f"{row} could not be checked: RuntimeError: unforeseen") for text in failed)
    kinds = {"nobody": FindingKind.UNCLAIMED, "gone": FindingKind.CLOSED_ROW, "old": FindingKind.FORMER_ADDRESS}
    for name, kind in kinds.items():
        assert report.kinds[kind] == (1 if name in failing else 2)
    assert report.customers[ACME.customer_id] is CustomerState.PAID
    assert report.sums[0].unexplained_minor == 0
    assert report.unsummed_rows >= len(rows)
