"""``numbers``: what people are told, and what never appears in an argument or an answer."""

import json
from collections.abc import Callable

from typer.testing import CliRunner

from cli.app import app
from tests.unit import months
from tests.unit.command_line import Run, ledger, run
from tests.unit.test_account_numbers import PERSONAL

__all__ = ["ledger", "run"]  # fixtures

WHY = "--by", "ann", "--reason", "contract 17"


def test_a_number_is_given_kept_listed_and_closed(run: Run, ledger: Callable[..., None]) -> None:
    ledger(months.announced(1250))
    given = json.loads(run("numbers", "open", "acme", *WHY, "--json").stdout)["number"]
    assert f"{given}: account number of acme, open since" in run("numbers", "open", "acme", *WHY).stdout
    assert given in run("numbers", "list", "acme").stdout
    assert "closed" in run("numbers", "close", given, *WHY).stdout
    (account,) = json.loads(run("numbers", "list", "acme", "--json").stdout)["numbers"]
    assert (account["closed_by"], account["closed_why"]) == ("ann", "contract 17")


def test_a_mistyped_number_is_refused_with_what_is_wrong(run: Run, ledger: Callable[..., None]) -> None:
    ledger(months.announced(1250))
    refused = run("numbers", "open", "acme", "--number", "1000008", *WHY)
    assert refused.exit_code == 2
    assert "its last digit does not fit the others" in refused.stderr


def test_a_personal_number_is_read_from_standard_input_and_shown_by_its_last_digits(
    run: Run, ledger: Callable[..., None]
) -> None:
    ledger(months.announced(1250))
    words = ["numbers", "personal", "acme", "--by", "ann"]
    kept = CliRunner().invoke(app, words, input=f"{PERSONAL}\n", prog_name="starter.py")
    assert "acme: personal number …0007 is kept" in kept.stdout
    assert PERSONAL not in kept.output
    assert "personal number …0007, by ann" in run("numbers", "list", "acme").stdout
    refused = CliRunner().invoke(app, words, input="900101300008\n", prog_name="starter.py")
    assert refused.exit_code == 2
    assert "900101300008" not in refused.output
    assert "forgotten" in run(*words, "--forget").stdout
