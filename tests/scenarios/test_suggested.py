"""What coverage suggests is typed as it stands, and mends the finding; nothing else is typed."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.commands import Halt
from billing.customers.customer import ReviewMode, Terms
from bootstrap import SANDBOX_NAMESPACE
from sandbox.stack.temporal_server import temporal_server
from tests.bed import OCTOBER, Bed, prepared_bed
from tests.scenarios.accidents import ANN, ghost_is_started_by_hand, ledger_loses_october
from tests.scenarios.suggestions import findings, kinds, type_all, typed, write
from tests.suggested import commands_in
from worker import create_worker
from workflows.visibility import SEARCH_ATTRIBUTES

SEPTEMBER = "2026-09"
SHEET = {
    "terminated": "100",
    "lost": "7",
    "halted": "480",
    "approved": "30",
    "entered": "40",
    "unread": "x",
    "spoilt": "8",
    "late": "5",
    "kiwi": "20.5",
    "zed": "9",
}


async def test_findings_of_open_months_are_mended_by_what_they_suggest(bed: Bed) -> None:
    bed.sales(SEPTEMBER)
    write(bed, SHEET, ("kivi@example.com", "50", "More"))
    modes = {"approved": ReviewMode.APPROVE, "entered": ReviewMode.MANUAL}
    for name in ("terminated", "halted", "approved", "entered", "unread", "spoilt", "late", "kiwi"):
        terms = Terms(review_mode=modes[name]) if name in modes else Terms()
        await bed.start(await bed.customer(name, terms=terms), OCTOBER)
    for name in ("lost", "zed"):
        await bed.start(await bed.customer(name), SEPTEMBER)
        await bed.drafted(name, SEPTEMBER)
    for name in ("terminated", "halted", "approved", "entered", "unread", "spoilt", "late", "kiwi"):
        await bed.drafted(name, OCTOBER)
    by = ("--by", "ann", "--reason", "left")
    assert (await typed(bed, "close", "zed", *by))[0] == 0
    assert (await typed(bed, "skip", "zed", "--period", SEPTEMBER, *by))[0] == 0
    await bed.handle("zed").result()
    await ledger_loses_october(bed, "lost")
    await bed.handle("terminated").terminate()
    await ghost_is_started_by_hand(bed)
    for name in ("approved", "entered"):
        month = await bed.month(name)
        await bed.skip_to(name, month.notice_at)
        await bed.until(name, lambda month: month.alerts > 0)
    assert (await bed.command("halted", Halt(**ANN))).accepted
    late = ("late@example.com", "3", "Came; late")
    write(bed, SHEET | {"spoilt": "#REF!"}, ("kivi@example.com", "50", "More"), late)

    found = await findings(bed)
    assert kinds(found) == [
        ("", "unclaimed row"),
        ("approved", "waits for approval"),
        ("entered", "waits for approval"),
        ("ghost", "workflow without a customer"),
        ("halted", "halted"),
        ("late", "row changed since"),
        ("lost", "missing"),
        ("spoilt", "row changed since"),
        ("spoilt", "unreadable row"),
        ("terminated", "no workflow"),
        ("unread", "unreadable row"),
        ("zed", "row of a closed account"),
    ]
    assert not any(each["customer_id"] == "kiwi" for each in await differences(bed))  # it is nobody's yet
    # what has to be corrected in the sheet, before the command that follows
    write(bed, SHEET | {"spoilt": "9"}, ("kiwi@example.com", "50", "More"), late)
    await type_all(bed, found, AMOUNT="40", FILE=str(bed.folder / "ghost.csv"))
    for name in ("lost", "zed"):
        await bed.drafted(name, OCTOBER)
    assert await findings(bed) == []


async def differences(bed: Bed) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = json.loads((await typed(bed, "coverage", "--period", OCTOBER, "--json"))[1])[
        "differences"
    ]
    return listed


async def test_a_halted_draft_and_the_brake_go_on_by_what_is_suggested(bed: Bed) -> None:
    write(bed, {"acme": "x", "bolt": "5"})
    for name in ("acme", "bolt"):
        await bed.start(await bed.customer(name), OCTOBER)
        await bed.drafted(name, OCTOBER)
    write(bed, {"bolt": "5"})  # the row that could not be read is gone, and stops the draft all the same
    found = await findings(bed)
    assert kinds(found) == [("acme", "halted")]
    await type_all(bed, found)
    assert await findings(bed) == []
    assert (await typed(bed, "brake", "on", "--by", "ann", "--reason", "look"))[0] == 0
    await bed.skip_to("bolt", (await bed.month("bolt")).notice_at)
    await bed.until("bolt", lambda month: bool(month.brake))
    found = await findings(bed)
    assert kinds(found) == [("", "halted")]
    await type_all(bed, found)
    await bed.skip("bolt", timedelta(minutes=5))
    await bed.until("bolt", lambda month: not month.brake)
    assert [each for each in await findings(bed) if each["kind"] == "halted"] == []


async def test_an_account_that_is_closed_and_runs_is_mended(bed: Bed) -> None:
    write(bed, {})
    await bed.start(await bed.customer("acme"), OCTOBER)
    await bed.drafted("acme", OCTOBER)
    await bed.tamper("UPDATE customers SET closed_reason = 'ann: left', closed_at = '2026-11-01 00:00:00'")
    found = await findings(bed)
    assert kinds(found) == [("acme", "closed, but running")]
    await type_all(bed, found)
    assert await findings(bed) == []


@pytest.fixture
async def unpolled(tmp_path: Path) -> AsyncIterator[Bed]:
    """On a server of its own: the shared one knows the workers of tests before for a while."""
    log = tmp_path / "server.log"
    async with (
        temporal_server(log=log, namespace=SANDBOX_NAMESPACE, search_attributes=SEARCH_ATTRIBUTES) as server,
        prepared_bed(server, tmp_path, with_worker=False) as bed,
    ):
        yield bed


async def test_a_month_that_no_worker_goes_on_with_is_mended_by_a_worker(unpolled: Bed) -> None:
    bed = unpolled
    write(bed, {"acme": "100"})
    await bed.start(await bed.customer("acme"), OCTOBER)
    await bed.tamper("UPDATE invoices SET updated_at = '2026-11-01 00:00:00', next_at = '2026-11-01 00:00:00'")
    (overdue,) = [each for each in await findings(bed) if each["kind"] == "overdue"]
    (words,) = commands_in("; ".join(overdue["commands"]))
    code, output = await typed(bed, *words)
    assert code == 1, output
    assert "start one with: python worker.py" in " ".join(output.split())
    async with create_worker(bed.client, bed.settings, bed.adapters):
        await bed.drafted("acme", OCTOBER)
        assert await findings(bed) == []
        await bed.end_all()


async def test_a_row_that_came_after_the_next_collection_is_billed_by_what_is_suggested(bed: Bed) -> None:
    write(bed, {"acme": "100"})
    bed.sales("2026-11", ("acme@example.com", "100", "Tea"))
    await bed.start(await bed.customer("acme"), OCTOBER)
    await bed.drafted("acme", OCTOBER)
    await bed.closed("acme")
    await bed.skip_to("acme", (await bed.month("acme")).import_at)
    await bed.drafted("acme", "2026-11")
    write(bed, {"acme": "100"}, ("acme@example.com", "7", "Late; 'very'"), ("acme@example.com", "-2", "Credit"))
    found = await findings(bed)
    assert kinds(found) == [("acme", "row changed since")]
    await type_all(bed, found)
    assert await findings(bed) == []
    invoice = (await bed.month("acme")).invoice
    assert invoice is not None
    added = [(line.description, line.amount_minor) for line in invoice.lines if line.source is None]
    assert added == [("Late; 'very' (2026-10)", 700), ("Credit (2026-10)", -200)]
