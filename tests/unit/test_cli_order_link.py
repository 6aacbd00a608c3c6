"""``orders link``: a link for an order, or for the fee of one that goes by a procedure, over sockets."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from sandbox.stack.stand_ins import serve
from sandbox.stand_ins.faults import Faults
from sandbox.stripe.api import stripe_app
from tests.service_ordering import YES, done
from tests.unit.command_line import NOW, Run, ledger, one_line, run
from tests.unit.test_cli_service_orders import CONNECT, NEW

__all__ = ["ledger", "run"]  # fixtures

WHY = ("--by", "ann", "--reason", "by phone")


@pytest.fixture
def shop(ledger: Callable[..., None], run: Run, tmp_path: Path) -> Run:
    """Somebody new has asked to be connected, and owes 10.00 EUR for it."""
    ledger()
    opened = run(*CONNECT, *NEW)
    assert opened.exit_code == 0, opened.stderr

    async def ask_for_fee() -> None:
        ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/data/ledger.db")
        await done(ledger, "77", NOW, possible=YES, equipment="no")
        await ledger.close()

    asyncio.run(ask_for_fee())
    return run


async def test_a_link_pays_the_fee_and_the_same_command_prints_it_again(
    shop: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(Faults(stripe_app())) as port:
        monkeypatch.setenv("BILLING_SANDBOX_STRIPE_PORT", str(port))
        first, again = [await asyncio.to_thread(shop, "orders", "link", "77", *WHY) for _ in range(2)]
    assert first.exit_code == 0, first.stderr
    assert "/hosted/checkout/" in first.stdout
    assert "77 of dana: 10.00 EUR, until" in first.stdout
    assert again.stdout == first.stdout


def test_what_is_not_owed_or_not_known_has_no_link(shop: Run) -> None:
    assert "there is no order 78" in one_line(shop("orders", "link", "78", *WHY))
    assert shop("orders", "cancel", "77", *WHY).exit_code == 0
    ended = shop("orders", "link", "77", *WHY)
    assert (ended.exit_code, "77 has ended (cancelled)" in one_line(ended)) == (2, True)
