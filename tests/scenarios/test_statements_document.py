"""The commands of docs/rails.md about statements, as they are written, against a ledger and a console."""

import re
from pathlib import Path

from tests.bed import Bed
from tests.console.conftest import console
from tests.scenarios.test_rails_document import typed

STATEMENTS = (Path(__file__).resolve().parents[2] / "docs" / "rails.md").read_text().partition("\n## Statements")[2]
SECTION = STATEMENTS.partition("\n## ")[0].partition("### Try it with a statement")[2]
FIRST, SECOND = re.findall(r"^```\n(.*?)^```", SECTION, re.MULTILINE | re.DOTALL)


async def test_its_commands_do_what_it_says(bed: Bed) -> None:
    async with console(bed) as desk:
        said = await typed(desk, ". data/environment.sh", FIRST)
        assert "nothing was booked: leave out --dry-run to do so" in said
        assert "1000.00 EUR before, 1180.00 EUR after" in said
        assert said.count("unmatched: whose is it?") == 2
        standing = await bed.ledger.order("3042")
        assert standing is not None
        assert standing.owed_minor == 5000
        again = await typed(desk, ". data/environment.sh", SECOND)
        assert "2 known before" in again
        assert "proposed: unmatched, with a proposal to confirm" in again
        standing = await bed.ledger.order("3042")
        assert standing is not None
        assert standing.owed_minor == 0
        assert [file.name for file in await bed.ledger.statement_files()] == ["next.csv", "statement.txt"]
