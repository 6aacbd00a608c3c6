"""The console answers banks, too: beside its pages, while Temporal is down, and as doctor sees it from outside."""

import re
from dataclasses import replace
from ipaddress import ip_network

import pytest

from billing.billers.biller import Contract
from billing.errors import BillingError
from billing.receivables.payment_list import PaymentFilter
from bootstrap import connect_temporal
from bootstrap_billers import contracts
from cli.receivables.billers import reached
from sandbox.stack.ports import free_port
from sandbox.stack.temporal_server import TemporalServer
from tests.bed import Bed
from tests.console.conftest import Desk, console
from tests.console.test_outages import cuttable

NUMBER = "1000009"


async def test_a_bank_is_answered_while_temporal_is_down(bed: Bed, server: TemporalServer) -> None:
    async with cuttable(server.address) as (address, cut):
        client = await connect_temporal(bed.settings, address)
        async with console(bed, client=client) as desk:
            await desk.overdue()
            await bed.ledger.open_number("acme", NUMBER, "ann", "contract 17", bed.settings.now())
            cut()
            asked = {"command": "check", "txn_id": "1", "account": NUMBER, "sum": "1"}
            assert (await desk.browser.get("/billers/bank-app", params=asked)).json()["sum"] == "100.00"
            paid = asked | {"command": "pay", "sum": "100.00"}
            assert (await desk.browser.get("/billers/bank-app", params=paid)).json()["result"] == 0
            page = await bed.ledger.incoming_payments(PaymentFilter(rail="bank-app"))
            assert [row.amount_minor for row in page.rows] == [10000]


async def test_doctor_is_told_what_arrives_and_what_to_do_if_nothing_does(desk: Desk) -> None:
    settings = desk.bed.settings
    for contract in contracts(settings).values():
        assert re.search("is reached, from 127.0.0.1; it answers", await _reached(desk, contract.rail))
    with pytest.raises(BillingError, match="start the console"):
        await reached(contract, f"http://127.0.0.1:{free_port()}", settings.personal_key)
    with pytest.raises(BillingError, match=r"answers 404.*BILLING_PERSONAL_SECRET"):
        await reached(contract, desk.links.base_url, "another secret")


async def test_doctor_notices_a_proxy_whose_header_anybody_can_forge(bed: Bed) -> None:
    """Everybody counts as a trusted proxy: as if each client were believed."""
    bed.settings = bed.settings.model_copy(update={"console_trusted_proxies": (ip_network("127.0.0.0/8"),)})
    async with console(bed) as desk:
        with pytest.raises(BillingError, match="a forged X-Forwarded-For is believed"):
            await reached(_foreign(desk), desk.links.base_url, bed.settings.personal_key)


def _foreign(desk: Desk) -> Contract:
    return replace(contracts(desk.bed.settings)["bank-app"], addresses=(ip_network("203.0.113.7"),))


async def _reached(desk: Desk, rail: str) -> str:
    contract = contracts(desk.bed.settings)[rail]
    return await reached(contract, desk.links.base_url, desk.bed.settings.personal_key)
