"""``starter.py refresh`` in a process of its own: shows how sheet and draft differ, and takes that in."""

import asyncio
import json
import sys

from sandbox.stack.stack import ROOT
from tests.bed import OCTOBER, Bed

ACME = "acme@example.com"


async def refresh(bed: Bed, *words: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "starter.py"),
        *("refresh", "acme", "--by", "ann", "--reason", "two rows were late", *words),
        cwd=bed.folder,
        env=bed.environment | {"COLUMNS": "120"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await process.communicate()
    return process.returncode or 0, said.decode(), complained.decode()


async def test_differences_are_shown_and_taken_in_and_a_repeat_has_nothing_to_do(bed: Bed) -> None:
    await bed.monitored(sales=("100", "50"))
    bed.sales(OCTOBER, (ACME, "1.50", "Tea"), (ACME, "120", "Sale 1"), (ACME, "x", "Cake"))
    code, said, complained = await refresh(bed)
    assert code == 0, complained
    words = " ".join(said.split())
    for shown in (
        "row-3 100.00 EUR 120.00 EUR Sale 1",
        "1.50 EUR",
        "row 4 cannot be read: x",
        "acme, 2026-10: version 2: 121.50 EUR",
    ):
        assert shown in words
    code, said, _ = await refresh(bed, "--json")
    assert code == 0
    assert json.loads(said)["result"].endswith("nothing to refresh: the changed rows of the sheet cannot be read")
    month = await bed.month("acme")
    assert month.drift == "rows: 1 added (1 unreadable); the same sum"
    assert [(each.command, each.by, each.reason, each.via) for each in month.decisions] == [
        ("edit", "ann", "two rows were late", "cli")
    ]


async def test_a_sheet_that_is_the_draft_is_told_so_and_one_that_is_down_is_an_error(bed: Bed) -> None:
    await bed.monitored()
    code, said, _ = await refresh(bed)
    assert (code, said.strip()) == (0, "acme, 2026-10: nothing to refresh: the sheet has not changed")
    await bed.sheets_fault(path="/v4/", kind="status", status=503, times=None)
    code, _, complained = await refresh(bed)
    assert code == 1
    assert complained.startswith("starter: worksheet '2026-10'")
    assert not (await bed.month("acme")).decisions
