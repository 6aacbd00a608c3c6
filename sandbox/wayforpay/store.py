"""State of the WayForPay stand-in: orders and callbacks, a clock; every change is a line of its journal.

    store = Store(Path("wayforpay.jsonl"))      # rebuilt from the file, so SIGKILL loses nothing acknowledged
    store.put_order(order)

Journal lines: {"at": real time in UTC, "kind": "order" | "callback" | "clock" | "pace" | "service_url", ...}.
Amounts are decimal text.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sandbox.stand_ins.journal_file import JournalFile, read_entries, temporary_journal

Order = dict[str, Any]

MERCHANT, SECRET = "test_merch_n1", "flk3409refn54t54t*FNJRET"
"""The published test shop; others whose name begins alike have the same key."""
INTERVAL_SECONDS = 5.0
LIFETIME_SECONDS = 4 * 24 * 60 * 60.0


class Store:
    """Orders by merchant and reference; callbacks by number. Snapshots are replaced, never changed in place."""

    def __init__(self, journal: Path | None = None) -> None:
        self.orders: dict[tuple[str, str], Order] = {}
        self.callbacks: dict[int, Order] = {}
        self.pace: Order = {"interval_seconds": INTERVAL_SECONDS, "lifetime_seconds": LIFETIME_SECONDS}
        self.service_urls: dict[str, str] = {}  # of static pages, by merchant
        self._offset_seconds = 0.0
        path = journal or temporary_journal(self)
        if path.exists():
            for entry in read_entries(path):
                self._apply(entry)
        self._file = JournalFile(path)

    def now(self) -> float:
        """Unix time of the stand-in: real time plus what ``advance`` added."""
        return time.time() + self._offset_seconds

    def advance(self, seconds: float) -> None:
        self._note("clock", offset_seconds=self._offset_seconds + seconds)

    def put_order(self, order: Order) -> Order:
        self._note("order", order=order)
        return order

    def put_callback(self, callback: Order) -> Order:
        self._note("callback", callback=callback)
        return callback

    def set_pace(self, **changes: float) -> None:
        self._note("pace", pace={**self.pace, **changes})

    def set_service_url(self, merchant: str, url: str) -> None:
        self._note("service_url", merchant=merchant, url=url)

    def order_of(self, page_id: str) -> Order | None:
        return next((order for order in self.orders.values() if order["page"] == page_id), None)

    def _note(self, kind: str, **fields: Any) -> None:
        entry = {"at": datetime.now(UTC).isoformat(), "kind": kind, **fields}
        self._file.append(json.dumps(entry) + "\n")
        self._apply(entry)

    def _apply(self, entry: Order) -> None:
        match entry["kind"]:
            case "order":
                order = entry["order"]
                self.orders[order["merchant"], order["reference"]] = order
            case "callback":
                self.callbacks[entry["callback"]["number"]] = entry["callback"]
            case "clock":
                self._offset_seconds = entry["offset_seconds"]
            case "pace":
                self.pace = entry["pace"]
            case "service_url":
                self.service_urls[entry["merchant"]] = entry["url"]


def signature(values: Iterable[object]) -> str:
    """As WayForPay makes it, by code of its own: what the adapter gets wrong must not be wrong here too."""
    text = ";".join("" if value is None else str(value) for value in values)
    return hmac.new(SECRET.encode("utf-8"), text.encode("utf-8"), hashlib.md5).hexdigest()
