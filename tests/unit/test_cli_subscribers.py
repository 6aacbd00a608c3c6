"""``subscribers`` and ``tasks``: what people type, and what they are told."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from adapters.sql.ledger import SqlLedger
from billing.reviewers.users import Role, User
from billing.tasks.task import NewTask, TaskKind
from settings import load_settings
from tests.unit import months
from tests.unit.command_line import NOW, Run, ledger, run
from tests.unit.test_account_numbers import PERSONAL

__all__ = ["ledger", "run"]  # fixtures

WHY = "--by", "ann", "--reason", "contract 17"


def registered(run: Run, *words: str) -> str:
    given = json.loads(run("subscribers", "add", "acme", *words, *WHY, "--json").stdout)
    assert given["state"] == "ordered"
    return str(given["number"])


def test_an_account_is_registered_once_activated_suspended_restored_and_closed(
    run: Run, ledger: Callable[..., None]
) -> None:
    ledger(months.announced(1250))
    number = registered(run, "--phone", "+7 701 123 45 67", "--address", "Abay Ave. 1")
    assert registered(run, "--phone", "+77011234567", "--address", "Abay Ave. 1") == number
    for action, words in (
        ("activate", "active since"),
        ("suspend", "suspended since"),
        ("restore", "active since"),
        ("close", "disconnected since"),
    ):
        assert f"{number} of acme: {words}" in run("subscribers", action, number, *WHY).stdout
    shown = json.loads(run("subscribers", "show", number, "--json").stdout)
    assert [change["state"] for change in shown["history"]] == [
        "ordered",
        "active",
        "suspended",
        "active",
        "disconnected",
    ]
    said = run("subscribers", "show", number).stdout
    assert "+77011234567" in said
    assert f"page {shown['page']}" in said
    assert load_settings().links.read_own_page(shown["page"].rpartition("/")[2]).account == number
    listed = json.loads(run("subscribers", "list", "--state", "disconnected", "--json").stdout)
    assert (listed["count"], listed["subscribers"][0]["number"]) == (1, number)
    assert json.loads(run("subscribers", "list", "--search", "ACM", "--json").stdout)["count"] == 1
    assert "no service account matches" in run("subscribers", "list", "--state", "limited").stdout


def test_what_is_wrong_is_refused_with_what_to_do(run: Run, ledger: Callable[..., None]) -> None:
    ledger(months.announced(1250))
    number = registered(run)
    for words, advice in (
        (("subscribers", "restore", number, *WHY), "activate it first, or close it"),
        (("subscribers", "show", "2000008"), "see: python starter.py subscribers list"),
        (("subscribers", "show", "1000008"), "its last digit does not fit"),
        (("subscribers", "add", "acme", "--phone", "7011234567", *WHY), "write it with its country"),
        (("subscribers", "add", "nobody", *WHY), "see: python starter.py customers list"),
        (("tasks", "show", "7"), "see: python starter.py tasks list"),
    ):
        refused = run(*words)
        assert refused.exit_code in (1, 2)
        assert advice in " ".join(refused.stderr.split())


def test_a_file_is_imported_once_and_a_wrong_row_refused_with_its_line(
    run: Run, ledger: Callable[..., None], tmp_path: Path
) -> None:
    ledger(months.announced(1250))
    file = tmp_path / "accounts.csv"
    rows = "customer,number,phone\nacme,1000009,+77011234567\nacme,2000007,\nnobody,,\nacme,,+77011234568\nacme,,\n"
    file.write_text(rows)
    for _ in range(2):
        imported = run("subscribers", "import", str(file), *WHY, "--json")
        assert imported.exit_code == 1
        outcome = json.loads(imported.stdout)
        assert [(row["line"], row["status"]) for row in outcome["subscribers"]] == [
            (2, "registered"),
            (3, "refused"),
            (4, "refused"),
            (5, "registered"),
            (6, "registered"),
        ]
    assert json.loads(run("subscribers", "list", "--json").stdout)["count"] == 3
    file.write_text("customer,tariff\nacme,fast\n")
    assert "not a column: tariff" in run("subscribers", "import", str(file), *WHY).stderr


def test_a_files_personal_numbers_are_kept_by_their_last_digits_and_are_not_repeated(
    run: Run, ledger: Callable[..., None], tmp_path: Path
) -> None:
    ledger(months.announced(1250))
    file, mistyped = tmp_path / "accounts.csv", f"{PERSONAL[:-1]}8"
    file.write_text(f"customer,number,personal_number\nacme,1000009,{PERSONAL}\nacme,2000008,{mistyped}\n")
    for words in ((), ("--json",)):
        imported = run("subscribers", "import", str(file), *WHY, *words)
        assert imported.exit_code == 1
        assert "12 digits" in " ".join(imported.output.split())
        assert not any(number in imported.output for number in (PERSONAL, mistyped))
    assert json.loads(run("subscribers", "list", "--json").stdout)["count"] == 1
    assert "personal number …0007, by ann" in run("numbers", "list", "acme").stdout
    assert not any(PERSONAL.encode() in kept.read_bytes() for kept in (tmp_path / "data").rglob("*") if kept.is_file())


def test_a_task_is_listed_and_completed_once(run: Run, ledger: Callable[..., None], tmp_path: Path) -> None:
    ledger(months.announced(1250))
    wanted = NewTask(
        kind=TaskKind.NO_WORKING_NUMBER,
        key="k1",
        customer_id="acme",
        values={"phone": "+77011234567"},
        due_at=NOW + timedelta(days=1),
    )

    async def open_it() -> int:
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        for name, departments in (("bob", ("operator",)), ("ann", ("operator", "crew"))):
            user = User(username=name, name=name, role=Role.STAFF, departments=departments)
            await ledger.add_user(user, "", NOW)
        task = await ledger.open_task(wanted, NOW)
        await ledger.close()
        return task.number

    number = str(asyncio.run(open_it()))
    assert "+77011234567 takes" in run("tasks", "list").stdout
    done = "tasks", "complete", number, "--by", "bob", "--reason", "called"
    for _ in range(2):
        assert "by bob: called" in run(*done).stdout
    refused = run("tasks", "complete", number, "--not-done", *WHY)
    assert "was ended by bob as done: called" in " ".join(refused.stderr.split())
    assert "there is nothing to do" in run("tasks", "list").stdout
    assert json.loads(run("tasks", "list", "--all", "--json").stdout)["tasks"][0]["end"]["by"] == "bob"
