"""The commands of docs/rails.md, as they are written, against a console and WayForPay's stand-in."""

import asyncio
import os
import re
import sys
from pathlib import Path

from billing.receivables.payment_list import PaymentFilter
from sandbox.stand_ins.control import control
from tests.bed import OCTOBER, Bed
from tests.console.conftest import Desk, console

ROOT = Path(__file__).resolve().parents[2]
TRY_IT = (ROOT / "docs" / "rails.md").read_text().partition("\n## Try it")[2]
ENTERING, STATIC, CALLBACK, AN_HOUR, LINK, FAULT = re.findall(r"^```\n(.*?)^```", TRY_IT, re.MULTILINE | re.DOTALL)


async def typed(desk: Desk, *blocks: str) -> str:
    """What a shell in the project's folder says to the blocks; a command that fails ends it."""
    folder = desk.bed.folder
    console_port = desk.links.base_url.rpartition(":")[2]
    environment = desk.bed.environment | {"BILLING_CONSOLE_PORT": console_port}
    path = f"{Path(sys.executable).parent}{os.pathsep}{environment.pop('PATH')}"
    lines = [f"export {name}='{value}'" for name, value in environment.items()]
    (folder / "environment.sh").write_text("\n".join([*lines, ""]))
    text = "\n".join(["set -e", *blocks]).replace(" data/", f" {folder}/")
    shell = await asyncio.create_subprocess_exec(
        "bash",
        "-c",
        text,
        cwd=ROOT,
        env={"PATH": path, "HOME": str(folder)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await shell.communicate()
    assert shell.returncode == 0, said.decode()
    return said.decode()


async def booked(bed: Bed) -> list[int]:
    page = await bed.ledger.incoming_payments(PaymentFilter(rail="wayforpay"))
    return sorted(row.amount_minor for row in page.rows)


async def test_its_commands_do_what_it_says(bed: Bed) -> None:
    async with console(bed) as desk:
        service_url = f"{desk.links.base_url}/webhooks/wayforpay/wayforpay"
        await control(bed.ports.wayforpay, "service-url", {"url": service_url})  # as make up does
        said = await typed(desk, ENTERING, STATIC)
        assert "WFP-BTN-1" in said
        assert await until_booked(bed, 1) == [2550]
        said = await typed(desk, ENTERING, CALLBACK)
        assert '"status":"accept"' in said
        assert "19.90 EUR unmatched wayforpay" in said
        assert await typed(desk, ENTERING, CALLBACK) == said, "sent again, the answer is the same"
        assert await booked(bed) == [1990, 2550]
        assert "min_window_hours" in AN_HOUR
        await bed.monitored()
        await bed.announced()
        await bed.is_on_record("acme", OCTOBER, lambda month: month.announced)
        first, *rest = LINK.splitlines()
        assert first.startswith("month=")
        said = await typed(desk, ENTERING, f"month={OCTOBER}", *rest)
        assert said.startswith("303\n"), said
        assert await until_booked(bed, 3) == [1990, 2550, 10000]
        assert '"expired_after"' in await typed(desk, ENTERING, FAULT)


async def until_booked(bed: Bed, count: int) -> list[int]:
    """The amounts, once there are so many."""
    async with asyncio.timeout(60):
        while len(amounts := await booked(bed)) < count:
            await asyncio.sleep(0.05)
    return amounts
