"""The stand-ins for Stripe, WayForPay, a bank, Google Sheets, mail, texts, production and provisioning, together.

python -m sandbox.stack.stand_ins --folder data      serves on 127.0.0.1 until SIGTERM; keeps all in the folder

folder/stripe.jsonl        the journal of the Stripe stand-in; a restart goes on from it
folder/wayforpay.jsonl     the journal of the WayForPay stand-in, as well
folder/bank-app.jsonl      and that of the bank
folder/sheets/sales/*.csv  the worksheets, one file a month; edit them as you would the sheet
folder/mail/*.eml          every mail that was sent
folder/sms.jsonl           every text that was taken
folder/production.jsonl    what production was told
folder/provisioning.jsonl  what provisioning was told
"""

import argparse
import asyncio
import contextlib
import functools
import signal
import socket
from collections.abc import AsyncIterator, Callable
from dataclasses import fields
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from sandbox.bank.api import bank_app
from sandbox.bank.store import BANK_JOURNAL
from sandbox.sms.api import sms_app
from sandbox.sms.store import SMS_JOURNAL
from sandbox.stack.local_server import LocalServer
from sandbox.stack.ports import Ports
from sandbox.stand_ins.faults import Faults
from sandbox.stand_ins.mailbox import Mailbox, mail_app
from sandbox.stand_ins.production import production_app
from sandbox.stand_ins.provisioning import provisioning_app
from sandbox.stand_ins.sheets_api import sheets_app
from sandbox.stripe.api import stripe_app
from sandbox.wayforpay.api import ByCall, wayforpay_app

READY = "stand-ins ready"
IDLE_SECONDS = 75
"""How long an idle connection is kept: longer than clients keep theirs, so that no request meets its end."""


@contextlib.asynccontextmanager
async def stand_ins(folder: Path, ports: Ports | None = None) -> AsyncIterator[Ports]:
    """Serves all of them on the running loop; answers the ports they listen on."""
    ports = ports or Ports()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "sheets").mkdir(exist_ok=True)
    async with contextlib.AsyncExitStack() as stack:
        mailbox = await stack.enter_async_context(Mailbox(folder / "mail", port=ports.smtp))
        stripe, sheets, mail, production, wayforpay, bank, provisioning, sms = await stack.enter_async_context(
            _serve_all(
                (Faults(stripe_app(folder / "stripe.jsonl")), ports.stripe),
                (Faults(sheets_app(folder / "sheets")), ports.sheets),
                (mail_app(folder / "mail", mailbox), ports.mail),
                (Faults(_made_when_called(production_app, folder / "production.jsonl")), ports.production),
                (ByCall(Faults(_made_when_called(wayforpay_app, folder / "wayforpay.jsonl"))), ports.wayforpay),
                (Faults(_made_when_called(bank_app, folder / BANK_JOURNAL)), ports.bank),
                (Faults(_made_when_called(provisioning_app, folder / "provisioning.jsonl")), ports.provisioning),
                (Faults(_made_when_called(sms_app, folder / SMS_JOURNAL)), ports.sms),
            )
        )
        yield Ports(stripe, sheets, mail, mailbox.port, production, wayforpay, bank, provisioning, sms)


def _made_when_called(make: Callable[[Path], ASGIApp], journal: Path) -> ASGIApp:
    """Most of a thousand tests call none of them. One whose journal has entries is made now, to go on from them."""
    journal.touch()
    if journal.stat().st_size:
        return make(journal)
    made = functools.cache(make)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await made(journal)(scope, receive, send)

    return app


@contextlib.asynccontextmanager
async def serve(app: ASGIApp, port: int = 0) -> AsyncIterator[int]:
    """Serves an ASGI app on 127.0.0.1; answers its port. Raises ``OSError`` if the port is taken."""
    async with _serve_all((app, port)) as (listening,):
        yield listening


@contextlib.asynccontextmanager
async def _serve_all(*apps: tuple[ASGIApp, int]) -> AsyncIterator[list[int]]:
    """Serves them until all stop at the same time."""
    with contextlib.ExitStack() as exits:
        listeners = [exits.enter_context(_listener(port)) for _, port in apps]
        servers = [
            LocalServer(
                uvicorn.Config(
                    app,
                    log_config=None,
                    log_level="warning",
                    lifespan="off",
                    timeout_keep_alive=IDLE_SECONDS,
                    timeout_graceful_shutdown=1,
                )
            )
            for app, _ in apps
        ]
        pairs = zip(servers, listeners, strict=True)
        serving = asyncio.gather(*(server.serve([listener]) for server, listener in pairs))
        try:
            yield [listener.getsockname()[1] for listener in listeners]
        finally:
            for server in servers:
                server.stop()
            await serving


def _listener(port: int) -> socket.socket:
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # asyncio turns Nagle's delay off only if TCP is named
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(512)
    return listener


async def _main() -> None:
    parser = argparse.ArgumentParser(
        description="Stand-ins for Stripe, WayForPay, a bank, Google Sheets, mail, texts, production, provisioning"
    )
    parser.add_argument("--folder", type=Path, default=Path("data"))
    names = [field.name for field in fields(Ports)]
    for name in names:
        parser.add_argument(f"--{name}", type=int, default=0)
    options = parser.parse_args()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with stand_ins(options.folder, Ports(*(getattr(options, name) for name in names))) as serving:
        print(f"{READY}: {serving}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(_main())
