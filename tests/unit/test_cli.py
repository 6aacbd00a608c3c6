"""The command line without a server: help, usage, listings from a ledger, errors in one line, exit codes."""

import asyncio
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import typer
import typer.main
from typer.testing import CliRunner, Result

from adapters.sql.ledger import SqlLedger
from billing.commands import Halt
from billing.customers.customer import Customer
from billing.customers.roster import REQUIRED, parse_roster
from billing.invoices.invoice import Invoice, LineItem, Problem, Source
from billing.invoices.month import Month
from billing.invoices.review import decide
from billing.invoices.stages import Stage
from billing.payments.methods import CardOnFile
from billing.period import Period
from cli.app import app
from cli.customers.outcomes import CustomerOutcome, difference, report
from cli.customers.start import rows_in
from wording.plain import relative

NOW = datetime.now(UTC).replace(microsecond=0)
SOURCE = Source(sheet="2026-10", row=2, digest="d")
ACME = Customer(
    customer_id="acme",
    email="billing@acme.example",
    name="Acme [bold]Bakery",
    currency="eur",
    timezone="Europe/Paris",
    payment_method=CardOnFile(payer_id="cus_1", card_id="pm_1"),
)
HEADER = ",".join(REQUIRED)
COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]
REVIEW = ["halt", "resume", "edit", "approve", "skip", "close", "update"]

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs a command in an empty folder, in the sandbox, with nobody at the addresses of Temporal and stand-ins."""
    for name in list(os.environ):
        if name.startswith(("BILLING_", "TEMPORAL_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:1")
    for name in ("STRIPE", "SHEETS", "SMTP"):
        monkeypatch.setenv(f"BILLING_SANDBOX_{name}_PORT", "1")
    monkeypatch.setenv("COLUMNS", "100")

    def invoke(*words: str) -> Result:
        return CliRunner().invoke(app, words, prog_name="starter.py")

    return invoke


@pytest.fixture
def ledger(tmp_path: Path) -> Callable[..., None]:
    """Prepares the ledger of ``run`` and records months in it."""

    async def record(months: tuple[Month, ...]) -> None:
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        await ledger.migrate()
        for month in months:
            await ledger.record(month, NOW)
        await ledger.close()

    return lambda *months: asyncio.run(record(months))


def drafted(period: str = "2026-10", *problems: Problem) -> Month:
    line = LineItem(line_id="row-2", description="Bread [red]\x1b[31m", amount_minor=1250, source=SOURCE)
    invoice = Invoice(currency="eur", imported_at=NOW, lines=(line,), problems=problems)
    return Month.open(ACME, Period(period)).drafted(invoice)


def unreadable() -> Problem:
    return Problem(line_id="row-7", description="Cake", raw="12,50", reason="no amount", source=SOURCE)


def one_line(result: Result) -> str:
    """The only line on stderr, which must be ours; nothing else was printed."""
    assert result.stdout == ""
    assert result.stderr.startswith("starter: ")
    assert result.stderr.count("\n") == 1
    return result.stderr


# -- help


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_every_command_has_an_example(run: Run, name: str):
    result = run(name, "--help")
    assert result.exit_code == 0
    assert f"python starter.py {name}" in result.stdout


def test_help_folds_paragraphs_anew_and_keeps_the_lines_of_examples(run: Run):
    shown = run("demo", "--help").stdout
    assert "the stand-ins take the" in " ".join(shown.split())
    assert [line.strip() for line in shown.splitlines() if line.startswith(" $ ")] == [
        "$ python starter.py demo",
        "$ python starter.py demo --kill-worker",
        "$ python starter.py demo --serve",
    ]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_and_argument_is_documented(name: str):
    assert [parameter.name for parameter in COMMANDS[name].params if not parameter.help] == []


def test_version_is_the_one_of_the_project(run: Run):
    assert run("--version").stdout.startswith("monthly-billing 0.")


# -- usage and errors


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lst"], "Did you mean 'list'?; see: python starter.py --help"),
        (["list", "--period", "2026-13"], "'2026-13' is not a period; write the month as YYYY-MM"),
        (["start", "acme", "--period", "November"], "'November' is not a period"),
        (["list", "--stage", "Sleeping"], "'Sleeping' is not one of"),
        (["start"], "name customers, or a file"),
        (["start", "acme", "--from", "customers.csv"], "name customers, or a file"),
        (["start", "--from", "customers.csv"], "customers.csv cannot be read (No such file or directory)"),
        (["halt", "acme", "--by", "ann"], "Missing option '--reason'; see: python starter.py halt --help"),
        (["halt", "acme", "--by", "ann", "--reason", " ", "--period", "2026-10"], "'--reason': it is empty"),
        (["halt", "acme", "--by", "", "--reason", "why"], "'--by': it is empty"),
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


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\xff\xfea", "is not UTF-8 (byte 0); save it as CSV UTF-8"),
        (b"customer_id,email\n", "customers.csv: the first row lacks name, currency"),
        (b"customer_id;email\n", "customers.csv: its cells are separated by semicolons; save it with commas"),
        (b"", "customers.csv: the first row is empty; it must name customer_id"),
        (f"{HEADER},review-mode\n".encode(), "customers.csv: 'review-mode' is almost 'review_mode'; correct it"),
    ],
)
def test_roster_that_cannot_be_read_is_one_line_and_exit_code_2(run: Run, tmp_path: Path, content: bytes, said: str):
    (tmp_path / "customers.csv").write_bytes(content)
    result = run("start", "--from", "customers.csv")
    assert result.exit_code == 2
    assert said in one_line(result)


def test_columns_of_a_roster_that_are_not_read_are_named(capsys: pytest.CaptureFixture[str]):
    rows_in(Path("customers.csv"), f"{HEADER},Phone,review_mode,[b]Note\n", parse_roster)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "customers.csv: columns that are not read: Phone, [b]Note\n")


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


# -- commands that are wrong before they are sent


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


# -- listings


def test_list_shows_the_current_month_of_each_customer(run: Run, ledger: Callable[..., None]):
    closed = drafted("2026-09").close(Stage.SKIPPED, NOW)
    ledger(closed, drafted("2026-10", unreadable()))
    shown = run("list").stdout
    assert "2026-10  Halted, 1 unreadable" in shown
    assert "12.50 EUR" in shown
    assert "2026-09" not in shown
    assert "Skipped" in run("list", "--stage", "skipped").stdout
    assert "2026-09" in run("list", "--period", "2026-09").stdout
    assert "\x1b" not in shown


def test_list_as_json_has_totals_per_currency_and_counts_per_stage(run: Run, ledger: Callable[..., None]):
    ledger(drafted())
    listed = json.loads(run("list", "--json").stdout)
    assert listed["totals_minor"] == {"eur": 1250}
    assert listed["stages"] == {"Monitoring": 1}
    assert [row["customer_id"] for row in listed["invoices"]] == ["acme"]


def test_customer_who_runs_already_with_other_values_than_the_file_is_told():
    changed = ACME.evolve(email="new@acme.example", timezone="Europe/Berlin")
    assert "the file has another email, timezone; see: python starter.py update --help" in difference(changed, ACME)
    assert difference(ACME, ACME) == difference(ACME, None) == ""


def test_empty_list_says_what_to_do_and_is_json_on_request(run: Run, ledger: Callable[..., None]):
    ledger()
    assert "python starter.py start" in run("list").stdout
    assert json.loads(run("list", "--json").stdout)["invoices"] == []


def test_show_tells_lines_problems_decisions_and_what_is_next(run: Run, ledger: Callable[..., None]):
    halt = Halt(by="ann", reason="too\x1b[2J high", command_id="1")
    halted, *_ = decide(drafted("2026-10", unreadable()), halt, NOW, "update")
    refused, *_ = decide(halted, halt.evolve(command_id="2"), NOW, "update")
    ledger(refused)
    shown = run("show", "acme").stdout
    for part in (
        "acme · 2026-10 · Halted",
        "Acme [bold]Bakery <billing@acme.example>",
        "row-2  Bread [red]",
        "2026-10, row 2  12.50 EUR",
        "Version 1, digest",
        "--change row-7=AMOUNT or --remove row-7",
        "A person is needed: halted by ann",
        "done: halted",
        "refused: already halted by ann",
        "workflow monthly-billing-v1-acme",
    ):
        assert part in shown
    assert "\x1b" not in shown


def test_show_as_json_has_the_month_and_what_follows_from_it(run: Run, ledger: Callable[..., None]):
    ledger(drafted())
    shown = json.loads(run("show", "acme", "--period", "2026-10", "--json").stdout)
    assert shown["stage"] == "Monitoring"
    assert shown["total_minor"] == 1250
    assert shown["next"]["what"] == "send the charge notice"
    assert (shown["decisions"], shown["messages"], shown["charges"]) == ([], [], [])


def test_show_of_a_period_that_is_not_there_names_those_that_are(run: Run, ledger: Callable[..., None]):
    ledger(drafted())
    result = run("show", "acme", "--period", "2026-01")
    assert result.exit_code == 1
    assert "acme has no month 2026-01 in the ledger; there are: 2026-10" in one_line(result)


# -- operation


def test_doctor_reports_everything_that_is_wrong_and_exits_with_1(run: Run, ledger: Callable[..., None]):
    ledger()
    result = run("doctor", "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 1
    assert report["mode"].startswith("SANDBOX")
    assert {check["name"]: check["ok"] for check in report["checks"]} == {
        "settings": True,
        "Temporal": False,
        "ledger": True,
        "payments": False,
        "sales": False,
        "mail": False,
    }


@pytest.mark.parametrize(
    ("key", "mode"), [("sk_live_x", "REAL MONEY"), ("rk_live_x", "REAL MONEY"), ("sk_test_x", "STRIPE TEST MODE")]
)
def test_doctor_says_whether_money_moves(run: Run, monkeypatch: pytest.MonkeyPatch, key: str, mode: str):
    monkeypatch.setenv("BILLING_STRIPE_API_KEY", key)
    monkeypatch.setenv("BILLING_SALES_FOLDER", "sales")
    monkeypatch.setenv("BILLING_SMTP_HOST", "127.0.0.1")
    monkeypatch.setenv("BILLING_MAIL_FROM", "billing@acme.example")
    monkeypatch.setenv("BILLING_LEDGER_URL", "mysql://billing:secret@db/billing")
    result = run("doctor")
    assert result.exit_code == 1
    assert result.stdout.startswith(mode)
    assert "secret" not in result.output


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(days=3, hours=4, minutes=5), "in 3 d 4 h"),
        (timedelta(days=2, minutes=59), "in 2 d"),
        (timedelta(hours=5, minutes=7), "in 5 h 7 min"),
        (timedelta(minutes=59, seconds=59), "in 59 min"),
        (timedelta(seconds=-59), "now"),
        (timedelta(days=-1, hours=-2), "1 d 2 h ago"),
    ],
)
def test_relative_instants_have_two_units(distance: timedelta, words: str):
    assert relative(NOW + distance, NOW) == words


# -- very many customers


def several(names: str = "abc") -> list[Month]:
    return [
        Month.open(
            ACME.evolve(
                customer_id=f"c-{name}",
                email=f"{name}@example.com",
                payment_method=CardOnFile(payer_id=f"cus_{name}", card_id=f"pm_{name}"),
            ),
            Period("2026-10"),
        )
        for name in names
    ]


def test_of_very_many_rows_the_first_are_shown_and_json_has_all(
    run: Run, ledger: Callable[..., None], monkeypatch: pytest.MonkeyPatch
):
    ledger(*several())
    monkeypatch.setattr("cli.customers.customers.SHOWN", 1)
    monkeypatch.setattr("cli.invoices.invoices.SHOWN", 1)
    shown = run("customers", "list").stdout
    assert ("c-a" in shown, "c-b" in shown) == (True, False)
    assert "… 2 more; --json has them all" in shown
    assert "3 customers" in shown
    listed = json.loads(run("customers", "list", "--json").stdout)
    assert [each["customer_id"] for each in listed["customers"]] == ["c-a", "c-b", "c-c"]
    shown = run("list").stdout
    assert ("c-a" in shown, "c-b" in shown) == (True, False)
    assert "… 2 more; --json has them all" in shown
    assert "3 months" in shown
    assert len(json.loads(run("list", "--json").stdout)["invoices"]) == 3


def test_a_list_of_nobody_is_json_too(run: Run, ledger: Callable[..., None]):
    ledger()
    assert json.loads(run("customers", "list", "--json").stdout) == {"customers": []}
    assert run("customers", "export").stdout.startswith("customer_id,email")


def test_of_very_many_started_only_those_are_shown_of_whom_there_is_something_to_say(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("cli.customers.outcomes._SHOWN", 2)
    started = [CustomerOutcome(customer_id=f"c-{number}", status="started", line=number) for number in range(2, 1202)]
    report(started, as_json=False)
    assert capsys.readouterr().out == "1,200 started, 0 already running, 0 refused\n"
    bad = [
        CustomerOutcome(customer_id=f"bad-{number}", status="refused", line=number, reason="no card")
        for number in (7, 8, 9)
    ]
    with pytest.raises(typer.Exit):
        report([*started, *bad], as_json=False)
    told = capsys.readouterr().out
    assert ("line 7: no card" in told, "bad-9" in told) == (True, False)
    assert "… 1 more with a reason; --json has them all" in told


def test_a_rehearsal_whose_rows_could_not_be_kept_does_not_begin(run: Run) -> None:
    result = run("rehearse", "--csv", "away/rows.csv", "--sales", "nowhere")
    assert result.exit_code == 2
    assert "there is no folder away" in result.stderr
