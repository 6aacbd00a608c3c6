"""The people who keep the sheet of a chaos run sort it, and the judge still knows its rows."""

from pathlib import Path

from billing.period import Period
from bootstrap_adapters import SANDBOX_SHEET_ID
from sandbox.chaos.company import Company
from sandbox.chaos.plan import Plan
from sandbox.judge.expected import read_sheet

PERIOD = Period("2026-11")


def test_a_sheet_is_sorted_once_and_its_rows_keep_their_names(tmp_path: Path) -> None:
    plan = Plan(1, 8, 1)
    company = Company(plan, tmp_path, 0)
    path = tmp_path / "sheets" / SANDBOX_SHEET_ID / f"{PERIOD}.csv"
    company.sort_sheet(PERIOD)
    company.write_sheet(PERIOD, [member.customer("cus_1", "pm_1") for member in plan.members()])
    written = read_sheet(path)
    assert written is not None
    assert [row.line_id for row in written] == [f"row-{number}" for number in range(2, len(written) + 2)]
    company.sort_sheet(PERIOD)
    found = read_sheet(path)
    assert found is not None
    assert found != written
    assert sorted(found) == sorted(written)
    with path.open("a", newline="") as file:
        file.write("late@example.com,1,Came late\n")
    company.sort_sheet(PERIOD)
    late = read_sheet(path)
    assert late is not None
    assert late[:-1] == found
    assert (late[-1].line_id, late[-1].late) == (f"row-{len(written) + 2}", True)
