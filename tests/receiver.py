"""A web service that takes alerts as JSON, on a real socket; it fails as often as it is told to."""

from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio
from fastapi import FastAPI, HTTPException, Request

from sandbox.stack.stand_ins import serve


class Receiver:
    """``bodies`` has what it took; it refuses as many requests to come as ``failures`` says, and counts them."""

    def __init__(self) -> None:
        self.address = ""
        self.bodies: list[dict[str, Any]] = []
        self.failures = 0
        self.refused = 0

    async def take(self, request: Request) -> None:
        if self.failures:
            self.failures -= 1
            self.refused += 1
            raise HTTPException(503)
        self.bodies.append(await request.json())


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    service, app = Receiver(), FastAPI()
    app.post("/alerts")(service.take)
    async with serve(app) as port:
        service.address = f"json://127.0.0.1:{port}/alerts?cto=5&rto=5"
        yield service
