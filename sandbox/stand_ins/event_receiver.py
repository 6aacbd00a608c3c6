"""A stand-in for the company's system that takes our events: it verifies, keeps and answers.

    async with serve(Faults(receiver_app(folder / "events.jsonl"))) as port:
        url = f"http://127.0.0.1:{port}/events"
    read_events(folder / "events.jsonl")        every delivery that was taken, copies too

``Faults`` (sandbox/stand_ins/faults.py) breaks answers on request, before or after an event was taken.
"""

import hashlib
import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse

from sandbox.stand_ins.journal_file import JournalFile, read_entries

SECRET = "events-secret-of-the-sandbox-0123456789"
TOLERANCE_SECONDS = 300


def receiver_app(journal: Path) -> FastAPI:
    app, file = FastAPI(openapi_url=None), JournalFile(journal)

    @app.post("/events")
    async def take(request: Request) -> PlainTextResponse:
        body, now = await request.body(), datetime.now(UTC)
        if not is_genuine(body, request.headers.get("Billing-Signature", ""), SECRET, now.timestamp()):
            return PlainTextResponse("not signed with our secret, or too old\n", 400)
        file.append(json.dumps({"at": now.isoformat(), "event": json.loads(body)}) + "\n")
        return PlainTextResponse("taken\n")

    return app


def is_genuine(body: bytes, header: str, secret: str, now: float) -> bool:
    """Written from docs/events.md, and not by what signs."""
    fields = [tuple(part.split("=", 1)) for part in header.split(",") if "=" in part]
    times = [value for name, value in fields if name == "t" and value.isdigit()]
    if len(times) != 1 or abs(now - int(times[0])) > TOLERANCE_SECONDS:
        return False
    expected = hmac.new(secret.encode(), times[0].encode() + b"." + body, hashlib.sha256).hexdigest()
    return any(hmac.compare_digest(expected.encode(), value.encode()) for name, value in fields if name == "v1")


def read_events(journal: Path) -> list[dict[str, Any]]:
    """The events as they were taken, in their order; one that was delivered twice is here twice."""
    return [entry["event"] for entry in read_entries(journal)]
