"""HTTP to servers on this machine: without certificates, whose loading takes as long as a page, and with patience."""

from typing import Any

import httpx

PATIENCE_SECONDS = 60


def local_http(**options: Any) -> httpx.AsyncClient:
    """A client that answers within milliseconds on a machine that does nothing else."""
    return httpx.AsyncClient(**{"trust_env": False, "verify": False, "timeout": PATIENCE_SECONDS, **options})
