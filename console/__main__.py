"""The console process: ``python -m console`` serves until SIGTERM. Any number may run."""

import asyncio
import sys

from billing.errors import BillingError
from bootstrap import connect_adapters, connect_temporal
from console import READY
from console.app import create_app
from process.files import private_files
from process.logs import start_logging
from process.server import serve_until_signalled
from settings import load_settings


async def main() -> None:
    settings = load_settings()
    start_logging(settings.log_level, form=settings.log)
    async with connect_adapters(settings) as adapters:
        app = create_app(settings, adapters, await connect_temporal(settings))
        await serve_until_signalled(app, settings.console_host, settings.console_port, READY)


if __name__ == "__main__":
    private_files()
    try:
        asyncio.run(main())
    except BillingError as error:
        sys.exit(f"console: {error}")
