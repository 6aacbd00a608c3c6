"""The console process: ``python -m console`` serves until SIGTERM. Any number may run."""

import asyncio
import logging
import signal
import socket
import sys

from billing.errors import BillingError
from bootstrap import connect_adapters, connect_temporal
from console import READY
from console.app import create_app
from process.files import private_files
from process.logs import start_logging
from process.server import Server, configuration
from settings import load_settings

_GRACE_SECONDS = 10  # for requests that are being answered


class _Announced(Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        logging.info("%s: http://%s:%d", READY, self.config.host, self.config.port)


async def main() -> None:
    settings = load_settings()
    start_logging(settings.log_level)
    async with connect_adapters(settings) as adapters:
        app = create_app(settings, adapters, await connect_temporal(settings))
        server = _Announced(
            configuration(
                app,
                host=settings.console_host,
                port=settings.console_port,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
        )
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, server.stop)
        await server.serve()


if __name__ == "__main__":
    private_files()
    try:
        asyncio.run(main())
    except BillingError as error:
        sys.exit(f"console: {error}")
