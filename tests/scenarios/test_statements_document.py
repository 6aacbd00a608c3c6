"""The commands of docs/rails.md about statements, as they are written, by a shell in the project's folder."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.sql.ledger import SqlLedger
from tests.empty_ledger import empty_ledger

ROOT = Path(__file__).resolve().parents[2]
SECTION = (ROOT / "docs" / "rails.md").read_text().partition("\n## Statements")[2].partition("\n## ")[0]
FIRST, SECOND = re.findall(
    r"^```\n(.*?)^```", SECTION.partition("### Try it with a statement")[2], re.MULTILINE | re.DOTALL
)


def typed(folder: Path, commands: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {"PATH": path, "BILLING_DATA_DIR": str(folder), "TEMPORAL_ADDRESS": "127.0.0.1:1", "COLUMNS": "140"}
    text = f"set -e\n{commands}".replace(" data/", f" {folder}/")
    said = subprocess.run(["bash", "-c", text], cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    return said.stdout


async def owed(ledger: SqlLedger) -> int:
    standing = await ledger.order("3042")
    assert standing is not None
    return standing.owed_minor


@pytest.mark.limit(600)
async def test_its_commands_do_what_it_says(tmp_path: Path) -> None:
    empty_ledger(tmp_path)
    ledger = await SqlLedger.connect(f"sqlite:///{tmp_path}/ledger.db")
    said = typed(tmp_path, FIRST)
    assert "nothing was booked: leave out --dry-run to do so" in said
    assert "1000.00 EUR before, 1180.00 EUR after" in said
    assert said.count("unmatched: whose is it?") == 2
    assert await owed(ledger) == 5000
    again = typed(tmp_path, SECOND)
    assert "2 known before" in again
    assert "proposed: whose it probably is has to be confirmed" in again
    assert await owed(ledger) == 0
    assert [file.name for file in await ledger.statement_files()] == ["next.csv", "statement.txt"]
    await ledger.close()
