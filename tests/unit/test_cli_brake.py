"""The emergency brake and the difference of versions on the command line."""

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from billing.errors import BillingError
from billing.invoices.review import decide
from cli.invoices import review
from cli.terminal.options import CommandOptions
from tests.unit.command_line import NOW, Run, drafted, ledger, run
from tests.unit.months import charging, command

__all__ = ["ledger", "run"]  # fixtures

ANN = ("--by", "ann", "--reason", "last year's sheet")


def test_the_brake_is_pulled_once_shown_and_released(run: Run, ledger: Callable[..., None]):
    ledger(drafted())
    assert "it was never pulled" in run("brake", "show").stdout
    assert "never pulled" in run("brake", "off", *ANN).stderr
    for by in ("ann", "bob"):
        result = run("brake", "on", "--by", by, "--reason", "last year's sheet")
        assert result.exit_code == 0
        assert "the emergency brake is ON since" in result.stdout
        assert "ann: last year's sheet" in result.stdout
        assert "nothing was under way" in result.stdout
    assert "is ON since" in run("brake", "show").stdout
    shown = json.loads(run("brake", "off", *ANN, "--json").stdout)
    assert (shown["on"], shown["brake"]["pulled_via"], shown["brake"]["released_via"]) == (False, "cli", "cli")
    assert "the emergency brake is off; it was on from" in run("brake", "show").stdout


def test_who_decides_is_taken_from_the_environment(
    run: Run, ledger: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    ledger(drafted())
    assert "Missing option '--by' (env var: 'BILLING_BY')" in run("brake", "on", "--reason", "why").stderr
    monkeypatch.setenv("BILLING_BY", "ann")
    assert "ann: why" in run("brake", "on", "--reason", "why").stdout
    monkeypatch.setenv("BILLING_BY", "a" * 201)
    assert "at most 200 characters" in run("brake", "off", "--reason", "why").stderr
    assert run("brake", "off", "--by", "bob", "--reason", "why").exit_code == 0


def test_who_pulls_it_is_told_what_is_under_way(run: Run, ledger: Callable[..., None]):
    ledger(charging(10_000))
    result = run("brake", "on", *ANN, "--json")
    assert [(row["customer_id"], row["stage"]) for row in json.loads(result.stdout)["under_way"]] == [
        ("acme", "Charging")
    ]
    text = run("brake", "show").stdout
    assert [line.split()[:3] for line in text.splitlines() if line.startswith("acme")] == [["acme", "Acme", "2026-10"]]
    assert "1 under way: payments that have reached the processor are settled first" in text
    assert "100.00 EUR" in text


@pytest.mark.parametrize("name", ["edit", "approve"])
def test_a_stale_decision_shows_what_has_changed_since(
    run: Run, ledger: Callable[..., None], monkeypatch: pytest.MonkeyPatch, name: str
):
    seen = drafted()
    change = {"op": "change", "line_id": "row-2", "amount_minor": 999}
    edit = command("edit", version=1, changes=[change, {"op": "add", "description": "Tea", "amount_minor": 100}])
    current, *_ = decide(seen, edit.evolve(by="bob"), NOW, "cli")
    ledger(seen, current)

    async def refuse(options: CommandOptions, name: str, period: str, fields: dict[str, object]) -> None:
        assert seen.invoice is not None
        assert fields["digest"] == seen.invoice.digest
        raise BillingError("refused: it is stale")

    monkeypatch.setattr(review, "send", refuse)
    assert seen.invoice is not None
    about = ["--version", "1", "--change", "row-2=7"] if name == "edit" else ["--digest", seen.invoice.digest]
    result: Result = run(name, "acme", *ANN, *about)
    assert result.exit_code == 1
    words = " ".join(result.stderr.split())
    assert "version 1 was seen, version 2 by bob is current" in words
    for told in ("row-2 12.50 EUR 9.99 EUR Bread", "added-1 1.00 EUR Tea", "12.50 EUR 10.99 EUR Total"):
        assert told in words
    assert "refused: it is stale" in words
