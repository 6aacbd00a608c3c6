"""A stand-in for production: it verifies a release, begins its job once for each key, and answers the same to a copy.

    async with serve(Faults(production_app(folder / "production.jsonl"))) as port:
        url = f"http://127.0.0.1:{port}/releases"
    jobs(folder / "production.jsonl")        what was begun, by key
    calls(folder / "production.jsonl")       every call that was understood, copies too

    GET  /jobs                               the jobs, as JSON

A restart goes on from the journal. ``Faults`` (sandbox/stand_ins/faults.py) breaks answers on request: 500s, 410, no
answer in time, or one that is lost after the job was begun.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, PlainTextResponse

from bootstrap_adapters import SANDBOX_PRODUCTION_SECRET
from sandbox.stand_ins.event_receiver import is_genuine
from sandbox.stand_ins.journal_file import JournalFile, read_entries


def production_app(journal: Path) -> FastAPI:
    app, file, begun = FastAPI(openapi_url=None), JournalFile(journal), jobs(journal)

    @app.post("/releases")
    async def take(request: Request) -> PlainTextResponse:
        body, now = await request.body(), datetime.now(UTC)
        if not is_genuine(
            body, request.headers.get("Billing-Signature", ""), SANDBOX_PRODUCTION_SECRET, now.timestamp()
        ):
            return PlainTextResponse("not signed with our secret, or too old\n", 401)
        event = json.loads(body)
        if event["type"] == "ping":
            return PlainTextResponse("here\n")
        key = request.headers.get("Idempotency-Key", "")
        if key != event["id"]:
            return PlainTextResponse("the Idempotency-Key is not the event's id\n", 400)
        if key in begun and begun[key]["event"] != event:
            return PlainTextResponse("this key came with another release before\n", 409)
        is_copy = key in begun
        job = begun.get(key) or {"job": f"job-{len(begun) + 1}", "event": event}
        file.append(json.dumps({"at": now.isoformat(), "key": key, "is_copy": is_copy, **job}) + "\n")
        begun[key] = job
        return PlainTextResponse(f"{job['job']} for order {event['data']['number']}\n")

    @app.get("/jobs")
    async def show() -> JSONResponse:
        return JSONResponse({key: {"job": job["job"], **job["event"]["data"]} for key, job in begun.items()})

    return app


def calls(journal: Path) -> list[dict[str, Any]]:
    """Every call that was understood, in their order: ``at``, ``key``, ``is_copy``, ``job`` and ``event``."""
    return list(read_entries(journal)) if journal.exists() else []


def jobs(journal: Path) -> dict[str, dict[str, Any]]:
    """What was begun, by key."""
    return {call["key"]: {"job": call["job"], "event": call["event"]} for call in calls(journal) if not call["is_copy"]}
