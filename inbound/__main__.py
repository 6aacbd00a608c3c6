"""The process for machines: ``python -m inbound`` answers them until SIGTERM. Any number may run.

It needs the ledger and nothing else to answer: neither a worker nor Temporal. What was stored is handled once the
services that this takes are there; what follows from a payment is in the ledger's outbox, which every worker and
console delivers. But whoever has paid is restored from here: provisioning is told at once. The console answers the same
addresses.

``--processes N``: N of them share the port, for one process uses one core.
"""

import argparse
import asyncio
import sys

from fastapi import FastAPI

from billing.errors import BillingError
from bootstrap import connect_adapters, connect_alerts, connect_digest_trigger, connect_temporal
from bootstrap_inbound import connect_room
from bootstrap_services import connect_service_calls
from inbound import READY
from process.files import private_files
from process.logs import start_logging
from process.proxies import TrustedProxies
from process.server import serve_until_signalled
from process.together import listening, run_together, shared_socket
from settings import Settings, load_settings


async def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m inbound", description="Answers banks, gateways and sellers.")
    parser.add_argument("--processes", type=int, default=1, metavar="N", help="that share the port (default: 1)")
    count = parser.parse_args().processes
    settings = load_settings()
    if count > 1:
        return await run_together(count, ["-m", "inbound"], listening(settings.console_host, settings.inbound_port))
    await serve(settings)
    return 0


async def serve(settings: Settings) -> None:
    start_logging(settings.log_level, form=settings.log)
    proxies = TrustedProxies(settings.console_trusted_proxies, behind_unknown=settings.behind_unknown_proxy)
    async with connect_adapters(settings) as adapters:
        client = await connect_temporal(settings, lazy=True)
        alerts = connect_alerts(settings, adapters, connect_digest_trigger(settings, client))
        room = connect_room(settings, adapters, client, alerts, proxies, of_pages=False)
        app = FastAPI(title="Inbound", redirect_slashes=False, docs_url=None, redoc_url=None, openapi_url=None)
        for router in room.routers:
            app.router.routes += router.routes
        async with room.inbox.open(), connect_service_calls(settings, adapters, alerts).open():
            await serve_until_signalled(app, settings.console_host, settings.inbound_port, READY, shared_socket())


if __name__ == "__main__":
    private_files()
    try:
        sys.exit(asyncio.run(main()))
    except BillingError as error:
        sys.exit(f"inbound: {error}")
