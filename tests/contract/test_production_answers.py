"""What production answers, and where it does not listen: kept as text, refused, told to the reviewers instead."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.responses import RedirectResponse, Response

from adapters.production.http_production import HttpProduction
from adapters.sql.ledger import SqlLedger
from billing.errors import ReceiverUnavailable
from billing.events.verdicts import Verdict, answer_text
from bootstrap_adapters import SANDBOX_PRODUCTION_SECRET
from orders.events import ReleaseData
from sandbox.stand_ins.production import calls
from services.alerts import Alerts
from services.orders.releases import ReleaseSender, ReviewersAsProduction
from tests.contract.conftest import Serve
from tests.contract.event_fixtures import Waker
from tests.contract.production_fixtures import DATA, answered, dispatching, event_of, ledger, paid, workshop

__all__ = ["ledger"]  # fixture


# -- answers


async def verdict_of(serve: Serve, response: Response, data: ReleaseData) -> Verdict:
    app = FastAPI()
    app.post("/releases")(lambda: response)
    production = HttpProduction(f"{await serve(app)}/releases", [SANDBOX_PRODUCTION_SECRET])
    try:
        return await production.release("1", {"id": "1"}, data)
    finally:
        await production.close()


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"", ""),
        (b"job\x00 7\x1b[31m\r\nred", "job 7 [31m red"),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
        ("\u202ejob 7".encode(), "job 7"),
        (b"x" * 5000, "x" * 999 + "…"),
        (b"x" * 1_000_000, "x" * 999 + "…"),
    ],
)
async def test_an_answer_is_kept_cut_and_without_control_characters(serve: Serve, body: bytes, text: str) -> None:
    verdict = await verdict_of(serve, Response(body, media_type="text/plain"), DATA)
    assert (verdict.accepted, answer_text(verdict.text)) == (True, text)


async def test_a_redirect_is_not_followed_and_says_which_setting(serve: Serve) -> None:
    with pytest.raises(ReceiverUnavailable, match="answers 307; set BILLING_PRODUCTION_URL to where it redirects to"):
        await verdict_of(serve, RedirectResponse("/elsewhere", 307), DATA)


async def test_the_doctor_asks_and_a_wrong_secret_is_found(tmp_path: Path) -> None:
    async with workshop(tmp_path) as (production, port, journal):
        assert await production.ping() == "127.0.0.1 takes signed releases"
        stranger = HttpProduction(f"http://127.0.0.1:{port}/releases", ["a guessed secret"])
        with pytest.raises(ReceiverUnavailable, match=r"production at 127\.0\.0\.1 answers 401"):
            await stranger.ping()
        await stranger.close()
        assert calls(journal) == []


# -- without an address


async def test_without_an_address_the_reviewers_are_told_once(ledger: SqlLedger) -> None:
    await paid(ledger)
    alerts = Alerts(ledger, Waker(), enabled=True)
    async with dispatching(ledger, ReviewersAsProduction(alerts, has_reviewers=True)):
        assert "told to the reviewers" in await answered(ledger)
    sender = ReleaseSender(ledger, ReviewersAsProduction(alerts, has_reviewers=True))
    await sender.send(await event_of(ledger))  # a copy
    (alert,) = await ledger.alerts()
    assert alert.text.startswith("Order 1042, version 1, may be produced")
    assert (alert.customer_id, alert.order_number) == ("buyer", "1042")


async def test_a_release_that_nobody_would_hear_of_waits(ledger: SqlLedger) -> None:
    nobody = ReviewersAsProduction(Alerts(ledger, Waker(), enabled=False), has_reviewers=False)
    with pytest.raises(ReceiverUnavailable, match="set BILLING_PRODUCTION_URL or BILLING_REVIEWERS_EMAIL"):
        await nobody.release("1", {}, DATA)
