"""A stand-in for provisioning: it verifies a change, switches the account once for each key, and keeps the latest.

    async with serve(Faults(provisioning_app(folder / "provisioning.jsonl"))) as port:
        url = f"http://127.0.0.1:{port}/services"
    switched(folder / "provisioning.jsonl")    the state of each account, by number
    told(folder / "provisioning.jsonl")        every call that was understood, copies too

    GET  /accounts                             the states, as JSON
    POST /_control/unknown {"number": "…"}     it does not know this account: 200, with an error inside
    POST /_control/known   {"number": "…"}     it does, after all

A restart goes on from the journal. ``Faults`` (sandbox/stand_ins/faults.py) breaks answers on request.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from bootstrap_adapters import SANDBOX_PROVISIONING_SECRET
from sandbox.stand_ins.event_receiver import is_genuine
from sandbox.stand_ins.journal_file import JournalFile, read_entries


def provisioning_app(journal: Path) -> FastAPI:
    app, file = FastAPI(openapi_url=None), JournalFile(journal)
    keys, unknown = {call["key"] for call in told(journal)}, set[str]()

    @app.post("/services")
    async def take(request: Request) -> JSONResponse:
        body, now = await request.body(), datetime.now(UTC)
        header = request.headers.get("Billing-Signature", "")
        if not is_genuine(body, header, SANDBOX_PROVISIONING_SECRET, now.timestamp()):
            return JSONResponse({"error": "not signed with our secret, or too old"}, 401)
        event = json.loads(body)
        if event["type"] == "ping":
            return JSONResponse({"status": "ok"})
        if event["data"]["number"] in unknown:
            return JSONResponse({"status": "error", "message": "no such account"})
        key, is_copy = request.headers.get("Idempotency-Key", ""), event["id"] in keys
        file.append(json.dumps({"at": now.isoformat(), "key": key, "is_copy": is_copy, "event": event}) + "\n")
        keys.add(key)
        return JSONResponse({"status": "ok", "is_copy": is_copy})

    @app.get("/accounts")
    async def show() -> JSONResponse:
        return JSONResponse(switched(journal))

    @app.post("/_control/unknown")
    async def forget(request: Request) -> None:
        unknown.add((await request.json())["number"])

    @app.post("/_control/known")
    async def remember(request: Request) -> None:
        unknown.discard((await request.json())["number"])

    return app


def told(journal: Path) -> list[dict[str, Any]]:
    """Every call that was understood, in their order: ``at``, ``key``, ``is_copy`` and ``event``."""
    return list(read_entries(journal)) if journal.exists() else []


def switched(journal: Path) -> dict[str, str]:
    """The state of each account, by number: that of its latest change, whatever came last."""
    latest: dict[str, dict[str, Any]] = {}
    for call in told(journal):
        data = call["event"]["data"]
        if data["position"] > latest.get(data["number"], {"position": 0})["position"]:
            latest[data["number"]] = data
    return {number: data["state"] for number, data in latest.items()}
