"""The commands of docs/rails.md about registers and accounting, as they are written, against a console."""

import re

from billing.receivables.payment_list import PaymentFilter
from tests.bed import Bed
from tests.console.conftest import console
from tests.scenarios.test_rails_document import ROOT, typed

SECTIONS = (ROOT / "docs" / "rails.md").read_text().partition("\n## The day's register")[2].partition("\n## Try it")[0]
ENTERING, TAKING, BOOKING, TERMINALS, EXPORTING = re.findall(r"^```\n(.*?)^```", SECTIONS, re.MULTILINE | re.DOTALL)


async def test_its_commands_do_what_it_says(bed: Bed) -> None:
    async with console(bed) as desk:
        await bed.monitored()
        first, _, rest = TAKING.partition("\n")
        assert first.startswith("python starter.py start --from")
        said = await typed(desk, ENTERING, rest)
        assert "taken in; 1 confirmed (25.50 EUR), 1 missing (4.00 EUR)" in said, said
        assert "9002" in said.splitlines()[-1]
        assert "2 confirmed (29.50 EUR)" in await typed(desk, ENTERING, BOOKING)
        assert "rejected" in await typed(desk, ENTERING, TERMINALS)
        page = await bed.ledger.incoming_payments(PaymentFilter(rail="bank-app"))
        assert sorted((row.amount_minor, row.customer_id) for row in page.rows) == [(400, "acme"), (2550, "acme")]
        said = await typed(desk, ENTERING, EXPORTING)
        assert '"accounts":"2000008"' in said
        (file,) = (bed.folder / "accounting").glob("payments-*.txt")
        text = file.read_bytes().decode("cp1251")
        assert "РасчСчет=KZ0001\r\n" in text
        assert "ВсегоПоступило=29.50\r\n" in text
        assert (bed.folder / "accounting" / "payments.csv").exists()
