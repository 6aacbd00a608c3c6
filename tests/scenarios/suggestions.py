"""Whoever types what a finding suggests, as it stands."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

from typer.testing import CliRunner

from cli.app import app
from tests.bed import OCTOBER, Bed
from tests.suggested import commands_in


def write(bed: Bed, sheet: dict[str, str], *rows: tuple[str, str, str]) -> None:
    bed.sales(OCTOBER, *((f"{name}@example.com", amount, "Tea; 'old'") for name, amount in sheet.items()), *rows)


async def typed(bed: Bed, *words: str) -> tuple[int, str]:
    """Exit code and output of a command; here in a thread, which begins sooner than a process."""

    def run() -> tuple[int, str]:
        environment = {**bed.environment, "COLUMNS": "300", "NO_COLOR": "1"}
        result = CliRunner().invoke(app, words, prog_name="starter.py", env=environment)
        return result.exit_code, result.stdout + result.stderr

    return await asyncio.to_thread(run)


async def findings(bed: Bed, command: str = "coverage", period: str = OCTOBER) -> list[dict[str, Any]]:
    """Those that are open; the exit code has to fit."""
    code, output = await typed(bed, command, "--period", period, "--json")
    found = [each for each in json.loads(output)["findings"] if not each.get("repaired")]
    assert code == (1 if found else 0), output
    return found


async def type_all(bed: Bed, found: Iterable[dict[str, Any]], **filled: str) -> None:
    """Types everything that is suggested."""
    for each in found:
        for number, words in enumerate(commands_in("; ".join(each["commands"]), **filled)):
            if number and words[0] == "approve":  # not by who has entered the amount
                words[words.index("ann")] = "bob"
            code, output = await typed(bed, *words)
            assert code == 0, f"{each}: {words}: {output}"
            if words[0] in ("approve", "edit", "refresh", "resume"):
                await on_record(bed, words[1])


async def on_record(bed: Bed, customer_id: str) -> None:
    """The next command, and coverage, look into the ledger."""
    month = await bed.month(customer_id)
    await bed.is_on_record(customer_id, month.period, lambda kept: kept.revision >= month.revision)


def kinds(found: Iterable[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((each["customer_id"], each["kind"]) for each in found)
