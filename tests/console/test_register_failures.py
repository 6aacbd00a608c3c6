"""The console, Stripe, mail or the card fails in the middle of a registration, and it is finished all the same."""

import asyncio
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from billing.customers.registration import RegistrationState
from billing.errors import BillingError
from console import READY
from sandbox.stack.ports import free_port
from sandbox.stack.processes import Child, logged
from sandbox.stack.temporal_server import TemporalServer
from sandbox.stand_ins.control import local_http
from tests.bed import Bed
from tests.console.conftest import Desk, console
from tests.console.visitors import (
    EMAIL,
    FORM,
    THANKS,
    address,
    comes_back,
    enters_card,
    mails,
    only,
    registers,
    registrar,
    started,
    without_webhooks,
)


async def test_a_console_that_is_killed_while_it_finishes_is_made_up_for_by_the_next(
    bed: Bed, server: TemporalServer, tmp_path: Path
) -> None:
    port = free_port()
    environment = bed.environment | {"BILLING_CONSOLE_PORT": str(port), "TEMPORAL_ADDRESS": server.address}
    command = [sys.executable, "-m", "console"]
    child = Child("console", command, log=tmp_path / "log", ready=logged(READY), env=environment, cwd=tmp_path)
    async with child, console(bed) as desk, local_http() as browser:
        form = await browser.post(f"http://127.0.0.1:{port}/register", data=FORM)
        back = await enters_card(desk, address(form))
        await bed.stripe_fault(path="/v1/payment_methods/", kind="slow", seconds=30, method="GET")
        returning = asyncio.create_task(browser.get(back))
        async with asyncio.timeout(60):
            while (await only(desk)).state is not RegistrationState.SAVED:
                await asyncio.sleep(0.02)
        child.kill()
        with pytest.raises(httpx.HTTPError):
            await returning
        await bed.stripe_clear_faults()
        assert await bed.ledger.customers() == []
        await child.restart()
        async with asyncio.timeout(60):
            while not mails(desk):
                await asyncio.sleep(0.05)
        await started(desk)
        assert THANKS in (await browser.get(address(await browser.get(back)))).text
        for words in ("Acme", EMAIL, "token"):
            assert words not in child.output()


@pytest.mark.parametrize("path", ["/v1/customers$", "/v1/checkout/sessions$"])
@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop_before"},
        {"kind": "drop_after"},
        {"kind": "status", "status": 500, "cached": True},
        {"kind": "status", "status": 500, "cached": True, "executed": True},
        {"kind": "garbage_200", "executed": True},
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
async def test_stripe_fails_in_the_middle_and_the_customer_tries_again(
    desk: Desk, path: str, fault: dict[str, object]
) -> None:
    await desk.browser.get("/register")
    await desk.bed.stripe_fault(path=path, method="POST", **fault)
    failed = await desk.browser.post("/register", data=FORM)
    assert failed.status_code == 503
    assert 'href="/register"' in failed.text
    await comes_back(desk, await enters_card(desk, await registers(desk)))
    await started(desk)


async def test_stripe_is_down_when_the_customer_comes_back(desk: Desk) -> None:
    await without_webhooks(desk)
    back = await enters_card(desk, await registers(desk))
    await desk.bed.stripe_fault(path="/v1/", kind="status", status=503, times=2, method="*")
    await desk.browser.get(back)
    await desk.all_done(f"return:{(await only(desk)).registration_id}:{back.rpartition('=')[2]}")
    await started(desk)


async def test_the_mail_server_is_down_and_the_customer_is_told_later(desk: Desk) -> None:
    await without_webhooks(desk)
    await desk.bed.mail_faults({"action": "defer", "recipient": EMAIL, "times": 1})
    assert THANKS in await comes_back(desk, await enters_card(desk, await registers(desk)))
    await started(desk)
    assert mails(desk) == []
    await registrar(desk).sweep(datetime.now(UTC) + timedelta(minutes=2))
    assert len(mails(desk)) == 1
    await registrar(desk).sweep(datetime.now(UTC) + timedelta(minutes=2))
    assert len(mails(desk)) == 1


async def test_an_address_that_takes_no_mail_does_not_hold_anything_up(desk: Desk) -> None:
    await desk.bed.mail_faults({"action": "refuse", "recipient": EMAIL, "times": 1})
    await comes_back(desk, await enters_card(desk, await registers(desk)))
    await desk.all_done()
    await started(desk)
    assert (await only(desk)).told_at is not None


async def test_a_card_that_is_taken_off_again_before_anything_began_can_be_registered_anew(desk: Desk) -> None:
    await without_webhooks(desk)
    checkout = await registers(desk)
    back = await enters_card(desk, checkout)
    registration = await only(desk)
    assert registration.session_id
    setup = await desk.bed.adapters.payments.card_of_setup(registration.session_id)
    await desk.bed.detach_card(setup.card.card_id)
    with pytest.raises(BillingError, match="not a customer's card"):
        await registrar(desk).finalize(registration, setup.card, registration.session_id)
    assert (await only(desk)).state is RegistrationState.OPEN
    left = back.partition("/card")[0]
    await comes_back(desk, await enters_card(desk, address(await desk.browser.post(left))))
    await started(desk)
