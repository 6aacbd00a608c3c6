"""The commands of docs/rails.md about a bank's app, as they are written, against a console."""

import re

from billing.receivables.payment_list import PaymentFilter
from tests.bed import Bed
from tests.console.conftest import console
from tests.scenarios.test_rails_document import ROOT, typed

TRY_IT = (ROOT / "docs" / "rails.md").read_text().partition("\n### Try the bank's app")[2].partition("\n### ")[0]
ENTERING, KASPI, OSMP, NEUTRAL, BOOKED = re.findall(r"^```\n(.*?)^```", TRY_IT, re.MULTILINE | re.DOTALL)


async def test_its_commands_do_what_it_says(bed: Bed) -> None:
    async with console(bed) as desk:
        await bed.monitored()
        await bed.closed()
        assert "1000009: account number of acme" in await typed(desk, ENTERING)
        said = await typed(desk, ENTERING, KASPI)
        assert '"result":0,"sum":"0.00"' in said, "its card has paid"
        assert said.count('{"txn_id":"1","prv_txn_id":"1","result":0,"sum":"12.50","comment":"OK"}') == 2
        assert "<sum>0.00</sum>" in said
        answers = await typed(desk, ENTERING, OSMP)
        assert answers.count("<result>0</result>") == 2
        assert "<prv_txn>2</prv_txn>" in answers
        answers = await typed(desk, ENTERING, NEUTRAL)
        assert '"due":"0.00"' in answers
        assert '"number":"3","sum":"12.50"' in answers
        shown = await typed(desk, ENTERING, BOOKED)
        assert "37.50 EUR of credit for the next draft" in shown
    page = await bed.ledger.incoming_payments(PaymentFilter(customer_id="acme"))
    assert {row.rail for row in page.rows} >= {"bank-app", "terminals", "local-bank"}
