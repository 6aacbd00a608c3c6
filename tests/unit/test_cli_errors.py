"""What the command line cannot do is one line on stderr and an exit code: 2 for wrong usage, 1 for anything else."""

from collections.abc import Callable
from pathlib import Path

import pytest

from billing.invoices.month import Month
from billing.invoices.stages import Stage
from billing.period import Period
from tests.unit.command_line import ACME, NOW, Run, drafted, ledger, one_line, run

__all__ = ["ledger", "run"]  # fixtures

REVIEW = ["halt", "resume", "edit", "approve", "skip", "close", "update"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lst"], "Did you mean 'list'?; see: python starter.py --help"),
        (["list", "--period", "2026-13"], "'2026-13' is not a period; write the month as YYYY-MM"),
        (["start", "acme", "--period", "November"], "'November' is not a period"),
        (["list", "--stage", "Sleeping"], "'Sleeping' is not one of"),
        (["start"], "name customers, or a file"),
        (["demo", "--orders", "--serve"], "--orders is a demo of its own"),
        (["demo", "--orders", "--telecom"], "--orders is a demo of its own"),
        (["demo", "--telecom", "--kill-worker"], "--telecom is a demo of its own"),
        (["start", "acme", "--from", "customers.csv"], "name customers, or a file"),
        (["start", "--from", "customers.csv"], "customers.csv cannot be read (No such file or directory)"),
        (["halt", "acme", "--by", "ann"], "Missing option '--reason'; see: python starter.py halt --help"),
        (["halt", "acme", "--by", "ann", "--reason", " ", "--period", "2026-10"], "'--reason': it is empty"),
        (["halt", "acme", "--by", "", "--reason", "why"], "'--by' (env var: 'BILLING_BY'): it is empty"),
        (["halt", "acme", "--by", "ann", "--reason", "y" * 1001], "at most 1000 characters"),
        (
            ["user", "add", "ann", "--role", "viewer", "--no-password", "--name", "n" * 501],
            "name: String should have at most 500",
        ),
        (["brake", "on", "--by", "a" * 201, "--reason", "why"], "at most 200 characters"),
        (["update", "acme", "--by", "ann", "--reason", "why", "--name", "n" * 1_900_000], "1,900,000 characters"),
    ],
)
def test_bad_usage_is_one_line_and_exit_code_2(run: Run, words: list[str], said: str):
    result = run(*words)
    assert result.exit_code == 2
    assert said in one_line(result)


def test_settings_that_do_not_fit_are_named_without_their_value(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLING_STRIPE_API_KEY", "sk_live_secret")
    result = run("list")
    assert result.exit_code == 2
    assert "BILLING_SMTP_HOST" in one_line(result)
    assert "secret" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("show", "acme"),
        ("collections", "list"),
        ("collections", "show", "acme", "--period", "2026-10"),
        ("customers", "list"),
        ("coverage", "--period", "2026-10"),
        ("reconcile", "--period", "2026-10"),
        ("user", "list"),
        ("brake", "show"),
        ("start", "acme"),
    ],
    ids=" ".join,
)
def test_without_a_ledger_no_command_makes_an_empty_one_and_all_say_how_it_is_made(
    run: Run, tmp_path: Path, words: tuple[str, ...]
):
    result = run(*words)
    assert result.exit_code == 1, result.output
    said = one_line(result)
    assert "its file is missing" in said or "no Temporal server answers" in said
    assert "make up" in said or "starter.py up" in said
    assert list(tmp_path.iterdir()) == []


def test_folder_that_cannot_be_used_is_one_line(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLING_DATA_DIR", "occupied")
    (tmp_path / "occupied").touch()
    result = run("setup")
    assert result.exit_code == 1
    assert "occupied: File exists; name a folder that can be written to by BILLING_DATA_DIR" in one_line(result)


def test_debug_shows_the_error_itself(run: Run, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("BILLING_DEBUG", "1")
    assert "starter:" not in run("list").stderr


@pytest.mark.parametrize("name", REVIEW)
def test_command_for_an_unknown_customer_says_how_to_start_it(run: Run, ledger: Callable[..., None], name: str):
    ledger()
    result = run(name, "nobody", "--by", "ann", "--reason", "why")
    assert result.exit_code == 1
    assert "the ledger does not know nobody; start it with: python starter.py start" in one_line(result)


@pytest.mark.parametrize(
    "words",
    [
        ["start", "acme"],
        ["halt", "acme", "--by", "ann", "--reason", "why"],
        ["halt", "acme", "--by", "ann", "--reason", "why", "--period", "2026-10"],
        [
            "edit",
            "acme",
            "--by",
            "ann",
            "--reason",
            "why",
            "--change",
            "row-2=-12.50",
            "--add",
            "a=b=1",
            "--remove",
            "x",
        ],
        ["approve", "acme", "--by", "ann", "--reason", "why"],
        ["update", "acme", "--by", "ann", "--reason", "why", "--review-mode", "approve"],
    ],
)
def test_without_a_server_commands_are_one_line_and_exit_code_1(
    run: Run, ledger: Callable[..., None], words: list[str]
):
    ledger(drafted())
    result = run(*words)
    assert result.exit_code == 1
    assert "no Temporal server answers at 127.0.0.1:1" in one_line(result)


def test_halt_with_a_period_does_not_need_the_ledger(run: Run):
    result = run("halt", "acme", "--by", "ann", "--reason", "why", "--period", "2026-10")
    assert "no Temporal server" in one_line(result)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["edit"], "nothing to edit"),
        (["edit", "--change", "row-2"], "acme, 2026-10: --change 'row-2' lacks ="),
        (["edit", "--change", "row-2=12,50"], "acme, 2026-10: '12,50' is not an amount in EUR; write it like 1234.50"),
        (["edit", "--add", "Discount=NaN"], "acme, 2026-10: 'NaN' is not an amount in EUR"),
        (["edit", "--add", "=5"], "--add '=5' lacks a side of =; write it like --add 'Discount=-5.00'"),
        (["edit", "--describe", "row-2="], "lacks a side of ="),
        (["edit", "--change", "row-2=7", "--change", "row-2=8"], "row-2 is changed twice"),
        (["edit", "--change", "row-2=7", "--remove", "row-2"], "row-2 is changed twice"),
        (["update"], "nothing to update"),
        (["update", "--email", "acme"], "acme: email: 'acme' is not an email address"),
        (["update", "--timezone", "Mars"], "acme: timezone: 'Mars' is not a time zone"),
        (["update", "--review-mode", "sometimes"], "'sometimes' is not one of"),
        (["update", "--schedule", "lunch=12:00"], "--schedule has no lunch; it has import_day, import_time, notice"),
        (
            ["update", "--schedule", "notice_days=0", "--schedule", "notice_time=01:00"],
            "must come after the import",
        ),
    ],
)
def test_command_with_bad_values_is_one_line_and_exit_code_2(
    run: Run, ledger: Callable[..., None], words: list[str], said: str
):
    ledger(drafted())
    result = run(words[0], "acme", "--by", "ann", "--reason", "why", *words[1:])
    assert result.exit_code == 2
    assert said in one_line(result)


def test_email_of_another_customer_is_refused(run: Run, ledger: Callable[..., None]):
    kiwi = ACME.evolve(customer_id="kiwi", email="billing@kiwi.example")
    ledger(drafted(), Month.open(kiwi, Period("2026-10")))
    result = run("update", "acme", "--by", "ann", "--reason", "why", "--email", "Billing@Kiwi.example")
    assert result.exit_code == 2
    assert "kiwi has the same email" in one_line(result)


def test_skip_does_not_skip_a_month_that_nobody_named_and_that_is_not_imported(run: Run, ledger: Callable[..., None]):
    """Else a skip that is repeated would skip the month after the one that was meant, too."""
    skipped = drafted().close(Stage.SKIPPED, NOW)
    ledger(skipped, skipped.next_month())
    result = run("skip", "acme", "--by", "ann", "--reason", "why")
    assert result.exit_code == 1
    assert "the sales of 2026-11 are not imported yet; to skip it all the same add --period 2026-11" in one_line(result)


def test_a_rehearsal_whose_rows_could_not_be_kept_does_not_begin(run: Run) -> None:
    result = run("rehearse", "--csv", "away/rows.csv", "--sales", "nowhere")
    assert result.exit_code == 2
    assert "there is no folder away" in result.stderr
