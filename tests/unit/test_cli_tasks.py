"""``tasks`` and departments of users on the command line, without a server."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from billing.tasks.forms import FieldType, FormField
from tests.contract.procedure_fixtures import shipped
from tests.contract.task_fixtures import CAROL, KARL, KATE, PDF, SIGNED, WES, people, step
from tests.service_ordering import connected, request, task_of
from tests.unit import months
from tests.unit.command_line import NOW, Run
from tests.unit.command_line import ledger as ledger  # fixtures
from tests.unit.command_line import run as run

KARLS = "--by", "karl"
TASK = {"order_number": None, "form": (*step().form[:1], SIGNED)}  # the order of a step is another matter


@pytest.fixture
def opened(ledger: Callable[..., None], tmp_path: Path) -> str:
    """A task of the crew, its number; and the people."""
    ledger(months.announced(1250))

    async def open_it() -> int:
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        await people(ledger, KARL, KATE, WES, CAROL)
        task = await ledger.open_task(step(due_at=NOW, kind="provision", values={"state": "active"}), NOW)
        await ledger.close()
        return task.number

    return str(asyncio.run(open_it()))


def test_a_task_is_claimed_handed_over_and_shown_with_who_did_what(run: Run, opened: str) -> None:
    for _ in range(2):
        assert "karl has it" in run("tasks", "claim", opened, *KARLS).stdout
    assert "karl's; hand it over" in run("tasks", "claim", opened, "--by", "kate").stderr.replace("\n", " ")
    assert "wes belongs to warehouse" in run("tasks", "claim", opened, "--by", "wes").stderr.replace("\n", " ")
    assert "nobody signs in as zoe" in run("tasks", "claim", opened, "--by", "zoe").stderr.replace("\n", " ")
    handed = run("tasks", "hand-over", opened, "--to", "kate", *KARLS, "--reason", "on leave")
    assert "kate has it" in handed.stdout
    shown = " ".join(run("tasks", "show", opened).stdout.split())
    assert "claimed by karl" in shown
    assert "handed over to kate by karl: on leave" in shown
    assert json.loads(run("tasks", "show", opened, "--json").stdout)["task"]["owner"] == "kate"
    assert "crew, kate" in run("tasks", "list", "--department", "crew").stdout
    assert "there is nothing to do" in run("tasks", "list", "--unclaimed").stdout
    assert "there is no task 99" in run("tasks", "show", "99").stderr.replace("\n", " ")


def test_tasks_are_assigned_and_those_that_could_not_be_are_named(run: Run, opened: str) -> None:
    answer = run("tasks", "assign", opened, "99", "--to", "kate", "--by", "carol")
    assert answer.exit_code == 1
    assert "1 assigned to kate" in answer.stdout
    assert "there is no task 99" in answer.stderr.replace("\n", " ")
    assert run("tasks", "assign", opened, "--to", "kate", "--by", "carol").exit_code == 0


def test_a_form_is_filled_in_with_files_once(run: Run, opened: str, tmp_path: Path) -> None:
    (tmp_path / "contract.pdf").write_bytes(PDF)
    (tmp_path / "large.pdf").write_bytes(PDF + b"0" * 10_000_000)
    done = "tasks", "complete", opened, *KARLS, "--reason", "at the box"
    assert "10.0 MB; at most 10 MB" in run(*done, "--file", "signed=large.pdf").stderr.replace("\n", " ")
    assert "cannot be read" in run(*done, "--file", "signed=nowhere.pdf").stderr.replace("\n", " ")
    for _ in range(2):
        assert "done" in run(*done, "--file", "signed=contract.pdf").stdout
    assert "contract.pdf, application/pdf" in run("tasks", "show", opened, "--save", "papers").stdout
    (saved,) = (tmp_path / "papers").iterdir()
    assert saved.read_bytes() == PDF


def test_pages_of_the_list_follow_each_other(run: Run, opened: str) -> None:
    assert "there is no such page" in run("tasks", "list", "--after", "x").stderr.replace("\n", " ")
    assert "there is nothing to do" in run("tasks", "list", "--after", "open_9999999999_0_1").stdout
    assert json.loads(run("tasks", "list", "--json").stdout)["after"] is None


def test_a_user_belongs_to_departments_that_there_are(run: Run, opened: str) -> None:
    assert "karl: crew, warehouse" in run("user", "departments", "karl", "warehouse", "crew").stdout
    assert "as before" in run("user", "departments", "karl", "crew", "warehouse").stdout
    assert "crew, warehouse" in run("user", "list").stdout
    refused = run("user", "departments", "karl", "kitchen").stderr.replace("\n", " ")
    assert "there is no department kitchen; BILLING_DEPARTMENTS has operator, accounting" in refused
    assert "karl: no department" in run("user", "departments", "karl").stdout
    added = run("user", "add", "zoe", "--role", "staff", "--department", "crew", "--no-password")
    assert "zoe: added as staff" in added.stdout
    assert "karl belongs to no department" in run("tasks", "claim", opened, *KARLS).stderr.replace("\n", " ")


@pytest.fixture
def asked(ledger: Callable[..., None], tmp_path: Path) -> str:
    """The task that asks for the answer to a subscriber's request, its number; of any department."""
    ledger(months.announced(1250))

    async def open_it() -> int:
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        await people(ledger, KARL)
        values = {"category": "No connection", "text": "The lamp is red"}
        given = {"account": await connected(ledger), "buyer": None, "subscriber": None, "values": values}
        wanted = request("80", procedure="request", **given)
        await ledger.open_service_order(wanted, shipped()["request"], NOW)
        task = await task_of(ledger, "80")
        await ledger.close()
        return task.number

    return str(asyncio.run(open_it()))


def test_an_answer_is_refused_that_makes_too_many_segments_and_how_many_it_makes_is_said(run: Run, asked: str) -> None:
    done = "tasks", "complete", asked, *KARLS, "--set"
    refused = run(*done, f"answer={'😀' * 500}")
    assert refused.exit_code == 2
    assert "segments; shorten it to 10 at most" in " ".join(refused.stderr.split())
    assert "the customer is texted the answer in 2 segments" in run(*done, f"answer={'a' * 200}").stdout


def test_crews_and_their_days_are_shown_with_a_task_that_asks_for_one(
    run: Run, ledger: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger(months.announced(1250))
    form = (
        FormField(name="day", label="Day", type=FieldType.DATE),
        FormField(name="crew", label="Crew", type=FieldType.CREW),
    )

    async def open_it() -> int:
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        await ledger.open_task(step("visit", crew="crew-north", visit_on=f"{NOW:%Y-%m-%d}"), NOW)
        task = await ledger.open_task(step("plan", form=form), NOW)
        await ledger.close()
        return task.number

    number = str(asyncio.run(open_it()))
    assert "visits" not in run("tasks", "show", number).stdout
    monkeypatch.setenv("BILLING_DEPARTMENTS", "operator, accounting, warehouse, crew, crew-north")
    monkeypatch.setenv("BILLING_CREWS", "crew-north=6: north-1")
    assert f"crew-north: {NOW:%-d %b} 1 of 6, " in " ".join(run("tasks", "show", number).stdout.split())
