"""What coverage and reconciliation suggest is typed as it stands, and mends the finding; nothing else is typed."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from billing.commands import Halt
from billing.customers.customer import ReviewMode, Terms
from billing.invoices.commands import Skip
from bootstrap import SANDBOX_NAMESPACE
from bootstrap_adapters import SANDBOX_STRIPE_KEY
from cli.app import app
from sandbox.stack.temporal_server import temporal_server
from sandbox.stand_ins.control import local_http
from tests.bed import OCTOBER, Bed, prepared_bed
from tests.debts import only
from tests.scenarios.accidents import ANN, ghost_is_started_by_hand, ledger_loses_october
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


def write(bed: Bed, sheet: dict[str, str], *rows: tuple[str, str, str]) -> None:
    bed.sales(OCTOBER, *((f"{name}@example.com", amount, "Tea; 'old'") for name, amount in sheet.items()), *rows)


async def typed(bed: Bed, *words: str) -> tuple[int, str]:
    """Exit code and output of a command; here in a thread, which begins sooner than a process."""

    def run() -> tuple[int, str]:
        environment = {**bed.environment, "COLUMNS": "300", "NO_COLOR": "1"}
        result = CliRunner().invoke(app, words, prog_name="starter.py", env=environment)
        return result.exit_code, result.stdout + result.stderr

    return await asyncio.to_thread(run)


async def findings(bed: Bed, command: str = "coverage", period: str = OCTOBER) -> list[dict[str, Any]]:
    """Those that are open; the exit code has to fit."""
    code, output = await typed(bed, command, "--period", period, "--json")
    found = [each for each in json.loads(output)["findings"] if not each.get("repaired")]
    assert code == (1 if found else 0), output
    return found


async def type_all(bed: Bed, found: Iterable[dict[str, Any]], **filled: str) -> None:
    """Types everything that is suggested."""
    for each in found:
        for number, words in enumerate(commands_in("; ".join(each["commands"]), **filled)):
            if number and words[0] == "approve":  # not by who has entered the amount
                words[words.index("ann")] = "bob"
            code, output = await typed(bed, *words)
            assert code == 0, f"{each}: {words}: {output}"
            if words[0] in ("approve", "edit", "refresh", "resume"):
                await on_record(bed, words[1])


async def on_record(bed: Bed, customer_id: str) -> None:
    """The next command, and coverage, look into the ledger."""
    month = await bed.month(customer_id)
    await bed.is_on_record(customer_id, month.period, lambda kept: kept.revision >= month.revision)


def kinds(found: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((each["customer_id"], each["kind"]) for each in found)


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


async def test_what_is_owed_is_collected_by_what_is_suggested(bed: Bed) -> None:
    names = ("acme", "bolt", "coal", "dune")
    write(bed, dict.fromkeys(names, "100"))
    for name in names:
        customer = await bed.customer(name)
        await bed.start(customer, OCTOBER)
        await bed.behaves(customer, "decline:insufficient_funds")
    for name in names:
        await bed.drafted(name, OCTOBER)
        await bed.closed(name)
        await bed.collects(lambda found: not only(found).attempt, name)
    await bed.collection_handle("dune").terminate("an accident")  # as last recorded, it goes on healthily
    await bed.collection_handle("acme").terminate("an accident")
    for table in ("debts", "collections"):
        await bed.tamper(f"DELETE FROM {table} WHERE customer_id = 'acme'")
    assert (await bed.tell(Halt(**ANN), "bolt")).accepted
    owed = await bed.collection("coal")
    await bed.skip_collection(owed.give_up_at - only(owed).opened_at + timedelta(days=1), "coal")
    found = await findings(bed)
    assert kinds(found) == [
        ("acme", "not collected"),
        ("bolt", "collection waits for a person"),
        ("coal", "collection waits for a person"),
        ("dune", "not collected"),
    ]
    await bed.behaves((await bed.recorded("coal", OCTOBER)).customer, "succeed")
    await type_all(bed, [each for each in found if each["customer_id"] not in ("acme", "dune")])
    words = next(commands_in("; ".join(each["commands"])) for each in found if each["customer_id"] == "acme")[0]
    _, output = await typed(bed, *words)
    told = " ".join(output.split())  # in a cell of several lines
    assert told.count("nobody collected it; now it is") == 2, "of acme and of dune"
    await bed.collects(lambda found: found.outcome is not None, "coal")
    await bed.collects(lambda found: found.halt is None, "bolt")
    assert await findings(bed) == []


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


async def refund(bed: Bed, payment_id: str) -> None:
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        answer = await http.post(f"{bed.stripe_url}/v1/refunds", data={"payment_intent": payment_id})
        answer.raise_for_status()


async def charged_by_hand(bed: Bed, name: str, amount: str = "10000", **metadata: str) -> str:
    customer = (await bed.recorded(name, OCTOBER)).customer
    form = {
        "amount": amount,
        "currency": "eur",
        "customer": customer.card_on_file.payer_id,
        "payment_method": customer.card_on_file.card_id,
        "confirm": "true",
        "off_session": "true",
        **{f"metadata[{key}]": value for key, value in metadata.items()},
    }
    async with local_http(headers={"Authorization": f"Bearer {SANDBOX_STRIPE_KEY}"}) as http:
        answer = await http.post(f"{bed.stripe_url}/v1/payment_intents", data=form)
        return str(answer.raise_for_status().json()["id"])


async def test_what_reconciliation_finds_is_gone_once_it_is_done_as_suggested(bed: Bed) -> None:
    names = ("twice", "hand", "dearer", "owing", "open", "skipped")
    write(bed, dict.fromkeys(names, "100"))
    for name in names:
        customer = await bed.customer(name)
        await bed.start(customer, OCTOBER)
        if name == "owing":
            await bed.behaves(customer, "decline:insufficient_funds")
    for name in names:
        await bed.drafted(name, OCTOBER)
    assert (await bed.command("skipped", Skip(**ANN))).accepted
    for name in ("twice", "hand", "dearer", "owing"):
        await bed.closed(name)
    await bed.collects(lambda found: not only(found).attempt, "owing")
    await bed.behaves((await bed.recorded("owing", OCTOBER)).customer, "succeed")
    ours = {each["metadata"]["customer_id"]: each["metadata"] for each in bed.intents()}
    skipped = ours["twice"] | {"customer_id": "skipped", "billing_key": ours["twice"]["billing_key"] + "-skipped"}
    doubtful = [
        await charged_by_hand(bed, "twice", **ours["twice"]),
        await charged_by_hand(bed, "hand"),
        await charged_by_hand(bed, "dearer", "12000", **ours["dearer"]),
        await charged_by_hand(bed, "skipped", **skipped),
    ]
    for name in ("owing", "open"):
        await charged_by_hand(bed, name)
    found = await findings(bed, "reconcile")
    assert {each["customer_id"] for each in found} == set(names)
    assert all("refund" in each["text"] for each in found if each["customer_id"] not in ("owing", "open"))
    for payment_id in doubtful:
        await refund(bed, payment_id)
    await type_all(bed, found)
    await bed.collects(lambda found: found.outcome is not None, "owing")
    assert await findings(bed, "reconcile") == []
