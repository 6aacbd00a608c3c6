"""The process for machines: ``python -m inbound`` answers banks and the shop until SIGTERM. Any number may run.

It needs the ledger and nothing else: neither a worker nor Temporal. Whatever follows from a payment is in the ledger's
outbox, which every worker and console delivers. The console answers the same addresses.
"""

import asyncio
import sys

from fastapi import FastAPI

from billing.errors import BillingError
from bootstrap import SANDBOX_ORDERS_SECRET, connect_ledger
from bootstrap_billers import connect_billers
from inbound import READY
from inbound.billers.routes import BillerRoutes
from inbound.health import Health
from inbound.orders import Orders
from process.files import private_files
from process.logs import start_logging
from process.proxies import TrustedProxies
from process.server import serve_until_signalled
from settings import Settings, load_settings


async def main() -> None:
    settings = load_settings()
    start_logging(settings.log_level)
    async with connect_ledger(settings) as ledger:
        app = FastAPI(title="Inbound", redirect_slashes=False, docs_url=None, redoc_url=None, openapi_url=None)
        proxies = TrustedProxies(settings.console_trusted_proxies)
        billers = BillerRoutes(connect_billers(settings, ledger), proxies, settings.personal_key)
        orders = Orders(ledger, _orders_secrets(settings), settings.now)
        for part in (Health(ledger), billers, orders):
            app.router.routes += part.router.routes
        await serve_until_signalled(app, settings.console_host, settings.inbound_port, READY)


def _orders_secrets(settings: Settings) -> list[str]:
    return settings.orders_secrets or ([SANDBOX_ORDERS_SECRET] if settings.sandbox else [])


if __name__ == "__main__":
    private_files()
    try:
        asyncio.run(main())
    except BillingError as error:
        sys.exit(f"inbound: {error}")
