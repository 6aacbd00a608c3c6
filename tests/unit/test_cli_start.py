"""``start`` with a file: what cannot be read or differs is named, and of very many customers those with a reason."""

from pathlib import Path

import pytest
import typer

from billing.customers.roster import REQUIRED, parse_roster
from cli.customers.outcomes import CustomerOutcome, difference, report
from cli.customers.start import rows_in
from tests.unit.command_line import ACME, Run, one_line, run

__all__ = ["run"]  # fixture

HEADER = ",".join(REQUIRED)


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
    rows_in(Path("customers.csv"), f"{HEADER},Fax,review_mode,[b]Note\n", parse_roster)
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "customers.csv: columns that are not read: Fax, [b]Note\n")


def test_customer_who_runs_already_with_other_values_than_the_file_is_told():
    changed = ACME.evolve(email="new@acme.example", timezone="Europe/Berlin")
    assert "the file has another email, timezone; see: python starter.py update --help" in difference(changed, ACME)
    assert difference(ACME, ACME) == difference(ACME, None) == ""


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
