"""``init`` asks, checks every answer against the real thing, and writes a file that only its user can read."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from dotenv import dotenv_values
from typer.testing import CliRunner, Result

from adapters.stripe.payments import StripePayments
from cli import init
from cli.app import app
from settings import Settings
from tests.bed import Bed

Answering = Callable[..., Result]
KEY = "sk_test_very_secret"


@pytest.fixture
def folder(bed: Bed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Without settings, and with Stripe's stand-in as Stripe."""
    for name in (*os.environ, "TEMPORAL_ADDRESS", "TEMPORAL_NAMESPACE", "TEMPORAL_API_KEY"):
        if name.startswith(("BILLING_", "TEMPORAL_")):
            monkeypatch.setenv(name, "")  # what the command sets is unset after the test
            monkeypatch.delenv(name)

    def stand_in(settings: Settings) -> StripePayments:
        return StripePayments.connect(settings.stripe_api_key.get_secret_value(), base_url=bed.stripe_url)

    monkeypatch.setattr(init, "processor", stand_in)
    place = tmp_path / "new"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


async def answering(*answers: str) -> Result:
    return await asyncio.to_thread(CliRunner().invoke, app, ["init"], input="".join(f"{line}\n" for line in answers))


def mail(bed: Bed) -> list[str]:
    """Server, port, encryption, user, sender, company, reviewers."""
    return ["127.0.0.1", str(bed.ports.smtp), "none", "", "billing@acme.example", "Acme & Söhne's", "ann@acme.example"]


def rest(bed: Bed) -> list[str]:
    """Console, Temporal's address, namespace and key, ledger."""
    return ["https://pay.acme.example", bed.client.service_client.config.target_host, bed.client.namespace, "", ""]


async def test_what_was_answered_is_checked_and_written_for_its_user_alone(bed: Bed, folder: Path) -> None:
    (folder / "sales").mkdir()
    result = await answering(KEY, "sales", *mail(bed), *rest(bed))
    assert result.exit_code == 0, result.output
    assert result.output.count("  ok\n") == 6
    assert KEY not in result.output
    file = folder / ".env"
    assert file.stat().st_mode & 0o777 == 0o600
    written = dotenv_values(file)
    assert written["BILLING_COMPANY"] == "Acme & Söhne's"
    assert written["BILLING_SALES_FOLDER"] == str(folder / "sales")
    assert len(written["BILLING_LINK_SECRET"] or "") == 64
    assert "BILLING_LEDGER_URL" not in written
    settings = Settings()
    assert (settings.sandbox, settings.stripe_api_key.get_secret_value()) == (False, KEY)


async def test_what_fails_its_check_is_asked_again(bed: Bed, folder: Path) -> None:
    nobody = ["127.0.0.1", "1", *mail(bed)[2:]]
    result = await answering(KEY, "sales", "y", "none", *nobody, "", *mail(bed), *rest(bed))
    assert result.exit_code == 0, result.output
    assert "sales is no folder; make it, or name another one" in result.output
    assert result.output.count("Answer again?") == 2
    assert dotenv_values(folder / ".env")["BILLING_SMTP_PORT"] == str(bed.ports.smtp)


async def test_a_file_that_is_there_is_kept_unless_somebody_says_otherwise(bed: Bed, folder: Path) -> None:
    (folder / ".env").write_text("BILLING_COMPANY=Before\n")
    assert "nothing was changed" in (await answering("n")).output
    assert (folder / ".env").read_text() == "BILLING_COMPANY=Before\n"
    assert (await answering("y", KEY, "none", *mail(bed), *rest(bed))).exit_code == 0
    (earlier,) = folder.glob(".env.*")
    assert earlier.read_text() == "BILLING_COMPANY=Before\n"
    assert dotenv_values(folder / ".env")["BILLING_SALES"] == "none"


async def test_without_a_key_and_when_answers_end_nothing_is_written(bed: Bed, folder: Path) -> None:
    assert "the sandbox needs no settings" in (await answering("")).output
    assert (await answering(KEY, "none")).exit_code != 0
    assert list(folder.iterdir()) == []
