"""Requests to the control surfaces of the stand-ins, which need no key.

await control(ports.stripe, "cards/pm_1", {"behaviour": "processing"})
"""

from typing import Any

import httpx

PATIENCE_SECONDS = 60


def local_http(**options: Any) -> httpx.AsyncClient:
    """A client for servers on this machine: without certificates, whose loading takes longer than the requests."""
    return httpx.AsyncClient(**{"trust_env": False, "verify": False, "timeout": PATIENCE_SECONDS, **options})


async def control(port: int, path: str, body: object = None, method: str = "POST") -> Any:
    """The answer's JSON. Raises ``httpx.HTTPStatusError`` for a refusal.

    Each request has a connection of its own: a service may close an idle one just when it is used again.
    """
    async with local_http() as http:
        answer = await http.request(method, f"http://127.0.0.1:{port}/_control/{path}", json=body)
    return answer.raise_for_status().json()


async def download(port: int, path: str) -> bytes:
    """What a control surface sends as a file. Raises as ``control`` does."""
    async with local_http() as http:
        answer = await http.get(f"http://127.0.0.1:{port}/_control/{path}")
    return answer.raise_for_status().content
