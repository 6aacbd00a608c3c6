"""Which lines of a file are new: by parts of a day, other formats, mappings and days, on SQLite and PostgreSQL."""

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters.sql.ledger import SqlLedger
from adapters.statements.files import StatementFiles
from billing.payments.rails import Rail, RailKind
from billing.receivables.journal import AccountKind
from billing.statements.bank_account import BankAccount
from billing.statements.mapping import mapping_of
from billing.statements.outcomes import ImportReport
from services.statements import Statements, Upload
from tests import statement_samples as samples

NOW = datetime(2026, 12, 1, 9, tzinfo=UTC)
RAILS = {"bank": Rail(kind=RailKind.STATEMENTS)}
BANK = BankAccount(account=samples.OWN, currency="eur", timezone="Europe/Paris")
COLUMNS = ("date=Date", "amount=Amount", "text=Text")


async def taken(ledger: SqlLedger, content: str, *columns: str, **given: Any) -> ImportReport:
    mapping = mapping_of(columns) if columns else None
    service = Statements(StatementFiles(), ledger, {"bank": BANK}, RAILS)
    return await service.take(Upload("day.txt", content.encode(), mapping=mapping), "ann", NOW, **given)


def outcomes(report: ImportReport) -> dict[str, int]:
    found = {str(total.outcome): total.lines for total in report.totals}
    return found | ({"known": report.known} if report.known else {})


async def clearing(ledger: SqlLedger) -> int:
    totals = await ledger.trial_balance()
    return sum(row.closing_minor for row in totals if (row.kind, row.rail) == (AccountKind.CLEARING, "bank"))


def mt940(opening: int, *texts: str) -> str:
    """50.00 for each text, on 29 November."""
    entries = "".join(f":61:2611291129C50,00NTRFNONREF\n:86:{text}\n" for text in texts)
    closing = opening + 50 * len(texts)
    head = f":20:S1\n:25:{samples.OWN}\n:28C:1/1\n:60F:C261129EUR{opening},00\n"
    return f"{head}{entries}:62F:C261129EUR{closing},00\n-\n"


async def test_equal_payments_with_other_texts_are_several_whatever_part_of_the_day_has_them(ledger: SqlLedger) -> None:
    await taken(ledger, mt940(1000, "for Ann"))
    assert outcomes(await taken(ledger, mt940(1050, "for Bob"))) == {"unmatched": 1}
    assert await clearing(ledger) == 10000


async def test_equal_lines_of_another_part_of_the_day_are_payments_of_their_own(ledger: SqlLedger) -> None:
    first, second = mt940(1000, "for Ann"), mt940(1050, "for Ann", "for Ann")
    await taken(ledger, second)
    assert outcomes(await taken(ledger, first)) == {"unmatched": 1}, "the earlier part came later"
    third = mt940(1150, "for Ann")
    assert outcomes(await taken(ledger, third)) == {"unmatched": 1}
    whole = mt940(1000, *["for Ann"] * 4)
    assert outcomes(await taken(ledger, whole)) == {"known": 4}
    assert outcomes(await taken(ledger, first.replace("S1", "S2"))) == {"known": 1}
    assert outcomes(await taken(ledger, second.replace("S1", "S2"))) == {"known": 2}
    assert await clearing(ledger) == 20000


async def test_a_csv_with_the_newest_first_keeps_the_lines_apart(ledger: SqlLedger) -> None:
    await taken(ledger, "Date;Amount;Text\n2026-11-29;50;for Ann\n", *COLUMNS)
    report = await taken(ledger, "Date;Amount;Text\n2026-11-29;50;for Bob\n2026-11-29;50;for Ann\n", *COLUMNS)
    assert ([row.text for row in report.rows], report.known) == (["for Bob"], 1)


async def test_the_line_most_alike_is_the_twin_whatever_the_order(ledger: SqlLedger) -> None:
    await taken(ledger, mt940(1000, "for Ann"))
    report = await taken(ledger, "Date;Amount;Text\n2026-11-29;50;for Bob\n2026-11-29;50;rent for Ann\n", *COLUMNS)
    rows = [(row.text, str(row.outcome)) for row in report.rows]
    assert rows == [("for Bob", "unmatched"), ("rent for Ann", "repeated")]


CSV = "Date;Amount;Text;No\n2026-11-29;50.00;hello;77\n2026-11-29;50.00;hello;77\n"


async def test_a_file_read_by_another_mapping_changes_nothing(ledger: SqlLedger) -> None:
    await taken(ledger, CSV, *COLUMNS)
    for rehearsal in (True, False):
        assert outcomes(await taken(ledger, CSV, *COLUMNS, "number=No", is_rehearsal=rehearsal)) == {"known": 2}
    longer = f"{CSV}2026-11-29;50.00;hello;78\n"
    assert outcomes(await taken(ledger, longer, *COLUMNS, "number=No")) == {"repeated": 2, "unmatched": 1}
    assert await clearing(ledger) == 15000


async def test_an_interrupted_file_goes_on_by_another_mapping(ledger: SqlLedger) -> None:
    rows = "".join(f"2026-11-29;{number}.00;hello;{number}\n" for number in range(1, 41))
    with pytest.raises(KeyboardInterrupt):
        await taken(ledger, f"Date;Amount;Text;No\n{rows}", *COLUMNS, advance=interrupt)
    report = await taken(ledger, f"Date;Amount;Text;No\n{rows}", *COLUMNS, "number=No")
    assert outcomes(report) == {"known": 25, "unmatched": 15}
    assert await clearing(ledger) == 82000


def interrupt(done: int, of: int) -> None:
    raise KeyboardInterrupt


def camt(kind: str, *entries: str, notification: str = "N1") -> str:
    root, part = {
        "053": ("BkToCstmrStmt", "Stmt"),
        "054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
    }[kind]
    total = sum(float(each.partition(">")[2].partition("<")[0]) for each in entries)
    balances = "".join(
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy='EUR'>{amount:.2f}</Amt>"
        "<CdtDbtInd>CRDT</CdtDbtInd></Bal>"
        for code, amount in (("OPBD", 0), ("CLBD", total))
    )
    head = f"<Id>{notification}</Id><Acct><Id><IBAN>{samples.OWN}</IBAN></Id></Acct>"
    body = "".join(f"<Ntry>{each}</Ntry>" for each in entries)
    return f"<Document><{root}><{part}>{head}{balances if kind == '053' else ''}{body}</{part}></{root}></Document>"


def entry(amount: str, reference: str = "", details: str = "", day: str = "2026-11-29") -> str:
    named = f"<AcctSvcrRef>{reference}</AcctSvcrRef>" if reference else ""
    when = f"<BookgDt><Dt>{day}</Dt></BookgDt>"
    return (
        f"<Amt Ccy='EUR'>{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts>{when}{named}"
        f"<NtryDtls>{details}</NtryDtls>"
    )


def part(amount: str, reference: str = "", account: str = "", text: str = "x") -> str:
    named = f"<Refs><AcctSvcrRef>{reference}</AcctSvcrRef></Refs>" if reference else ""
    payer = f"<RltdPties><DbtrAcct><Id><IBAN>{account}</IBAN></Id></DbtrAcct></RltdPties>" if account else ""
    return f"<TxDtls>{named}<Amt Ccy='EUR'>{amount}</Amt>{payer}<RmtInf><Ustrd>{text}</Ustrd></RmtInf></TxDtls>"


BATCH = part("100.00", "T1") + part("200.00", "T2")


@pytest.mark.parametrize("reference", ["E0001", ""])
@pytest.mark.parametrize("is_sum_first", [True, False])
async def test_a_sum_and_its_parts_are_the_same_money(ledger: SqlLedger, reference: str, is_sum_first: bool) -> None:
    parts, whole = camt("054", entry("300.00", reference, BATCH)), camt("053", entry("300.00", reference))
    first, second = (whole, parts) if is_sum_first else (parts, whole)
    await taken(ledger, first)
    assert outcomes(await taken(ledger, second)) == {"repeated": 2 if is_sum_first else 1}
    assert await clearing(ledger) == 30000


async def test_two_equal_sums_have_parts_of_their_own(ledger: SqlLedger) -> None:
    await taken(ledger, camt("053", entry("300.00"), entry("300.00", "", "")))
    batches = [entry("300.00", "", BATCH), entry("300.00", "", part("150", "T3") + part("150", "T4"))]
    assert outcomes(await taken(ledger, camt("054", *batches, entry("300.00")))) == {"repeated": 4, "unmatched": 1}


async def test_a_reference_and_amount_on_another_day_is_the_same_money(ledger: SqlLedger) -> None:
    await taken(ledger, camt("054", entry("10.00", "SAMEREF99-0123456789", day="2026-11-28")))
    await taken(ledger, camt("054", entry("11.00", "7", day="2026-11-28"), notification="N2"))
    assert outcomes(await taken(ledger, camt("053", entry("10.00", "SAMEREF99-012345")))) == {"repeated": 1}
    report = await taken(ledger, "Date;Amount;Text;R\n2026-11-29;11;b;7\n", *COLUMNS, "reference=R")
    assert outcomes(report) == {"unmatched": 1}, "a short one counts the lines of a file"


@pytest.mark.parametrize(
    ("account", "is_one"),
    [("DE89 3704 0044 0532 0130 00", True), ("0532013000", True), ("DE89370400440532013001", False)],
)
async def test_an_account_written_otherwise_is_the_same(ledger: SqlLedger, account: str, is_one: bool) -> None:
    await taken(ledger, f"Date;Amount;Text;P\n2026-11-29;50.00;a;{account}\n", *COLUMNS, "payer_account=P")
    report = await taken(ledger, camt("053", entry("50.00", "", part("50.00", account="DE89370400440532013000"))))
    assert outcomes(report) == {"repeated" if is_one else "unmatched": 1}


async def test_a_notification_sent_again_is_kept_apart_and_the_statement_books_what_was_two(ledger: SqlLedger) -> None:
    again = entry("50.00", "", part("50.00", account="DE89370400440532013000", text="rent"))
    await taken(ledger, camt("054", again))
    report = await taken(ledger, camt("054", again, notification="N2"))
    assert outcomes(report) == {"unclear": 1}
    assert sum("in the books already" in alert.text for alert in await ledger.alerts()) == 1
    assert outcomes(await taken(ledger, camt("054", entry("50.00"), notification="N3"))) == {"unmatched": 1}
    assert outcomes(await taken(ledger, camt("053", again, again, entry("50.00")))) == {"repeated": 2, "unmatched": 1}
    assert await clearing(ledger) == 15000


async def test_a_file_with_the_balances_of_another_has_no_new_lines(ledger: SqlLedger) -> None:
    await taken(ledger, mt940(0, "from DE89370400440532013000"))
    report = await taken(ledger, camt("053", entry("50.00", "", part("50.00", account="NL91ABNA0417164300"))))
    assert outcomes(report) == {"unclear": 1}
    assert await clearing(ledger) == 5000


async def test_a_longer_file_in_other_words_has_the_lines_of_the_shorter(ledger: SqlLedger) -> None:
    await taken(ledger, mt940(0, "for Ann"))
    assert outcomes(await taken(ledger, mt940(0, "for Ann, in full", "for Bob"))) == {"repeated": 1, "unmatched": 1}
    assert await clearing(ledger) == 10000
