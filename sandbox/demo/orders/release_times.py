"""How long it took from money to production, by production's own journal."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from billing.receivables.ports import THE_BEGINNING, THE_END, GeneralLedger
from orders.order import OrderStanding
from sandbox.judge.rails.registers import BANK
from sandbox.stand_ins.production import calls


class ReleaseTime(NamedTuple):
    """``row_ms``: from the instant of the transaction that released it to the call in production's journal.

    ``click_ms``: from the payer's click to that call; None if an operator's command released it.
    """

    number: str
    customer_id: str
    kind: str
    job: str
    row_ms: float
    click_ms: float | None


async def by_rails(ledger: GeneralLedger) -> dict[int, datetime]:
    """The transactions by which a processor's or gateway's money came in: when, by their position in the journal."""
    rows = [row async for page in ledger.journal(THE_BEGINNING, THE_END) for row in page]
    return {row.number: row.at for row in rows if row.rail not in (None, BANK)}


def release_times(
    folder: Path,
    orders: Iterable[OrderStanding],
    clicked_at: Mapping[str, Sequence[datetime]],
    by_rail: Mapping[int, datetime],
) -> list[ReleaseTime]:
    """Of every release that production knows of, in the order of its journal."""
    written = {
        (standing.order.number, str(release.kind)): release
        for standing in orders
        for release in standing.order.releases
    }
    found = []
    for call in calls(folder / "production.jsonl"):
        data, arrived = call["event"]["data"], datetime.fromisoformat(call["at"])
        number, kind = data["number"], data["kind"]
        release = written.get((number, kind))
        if release is not None and not call["is_copy"]:
            is_by_payer = by_rail.get(release.position) == release.at
            clicks = [click for click in clicked_at.get(number, ()) if is_by_payer and click <= release.at]
            click_ms = _ms(arrived - max(clicks)) if clicks else None
            found.append(
                ReleaseTime(number, data["customer_id"], kind, call["job"], _ms(arrived - release.at), click_ms)
            )
    return found


def _ms(time: timedelta) -> float:
    return time / timedelta(milliseconds=1)
