"""``init``: asks for the few settings that matter, checks each at once, and writes them to ``.env``."""

import asyncio
import os
import re
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from pydantic import ValidationError

from billing.errors import BillingError, InvalidInput
from billing.validation import explain as mistakes
from bootstrap import connect_ledger, connect_temporal
from bootstrap_adapters import mail_server, processor, sales_source
from cli.terminal.output import explain, foreseen, say
from settings import ENV_FILE, Settings

CHECK_TIMEOUT_SECONDS = 20
_SHEET_URL = re.compile(r"docs\.google\.com/spreadsheets/d/([\w-]+)")
_PLAIN = re.compile(r"[\w@%+=:,./-]*")
_NOT_ASKED_YET = {"sales": "none", "smtp_host": "localhost", "mail_from": "billing@example.com"}
"""Stand for what a check does not need: real services are set together."""
Values = dict[str, str]


async def init() -> None:
    """Ask for Stripe, sales, mail, console, Temporal and ledger; check each at once; write .env.

    An empty answer takes what stands in brackets. What fails its check is asked again, or kept if you say so. A file
    .env that exists is replaced only if you say so, and kept beside the new one. Without a Stripe key nothing is
    written: the sandbox needs no settings. All others are in .env.example and docs/settings.md.

    [bold]Example[/bold]
    $ python starter.py init
    """
    file = Path(ENV_FILE)
    if file.exists() and not typer.confirm(f"{file} exists. Replace it, and keep the old one beside it?"):
        say("nothing was changed")
        return
    values: Values = {}
    for ask, check in _GROUPS:
        values |= await _answered(ask, check, values)
        if not values.get("BILLING_STRIPE_API_KEY"):
            say("nothing was written: the sandbox needs no settings; start it with: python starter.py up")
            return
    kept = _write(file, {name: value for name, value in values.items() if value})
    say(f"written: {file}, readable by you alone{f'; the old one is {kept}' if kept else ''}", style="green")
    say("Next: python starter.py setup, then python starter.py doctor, python worker.py and python -m console")


async def _answered(ask: Callable[[], Values], check: Callable[[Settings], Awaitable[None]], before: Values) -> Values:
    """The answers to a group of questions, asked until they pass or are kept as they are."""
    while True:
        answers = ask()
        if "BILLING_STRIPE_API_KEY" in answers and not answers["BILLING_STRIPE_API_KEY"]:
            return answers
        if not (fault := await _fault(check, before | answers)):
            say("  ok", style="green")
            return answers
        say(f"  {fault}", style="red")
        if not typer.confirm("  Answer again?", default=True):
            return answers


async def _fault(check: Callable[[Settings], Awaitable[None]], values: Values) -> str:
    """Why the check fails, without the values; "": it passes."""
    os.environ.update({name: value for name, value in values.items() if name.startswith("TEMPORAL_") and value})
    fields = {name.removeprefix("BILLING_").lower(): value for name, value in values.items() if value}
    placeholders = _NOT_ASKED_YET | ({"sales": ""} if fields.keys() & {"sales_folder", "sales_sheet_id"} else {})
    known: dict[str, Any] = {name: value for name, value in fields.items() if name in Settings.model_fields}
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_SECONDS):
            await check(Settings(_env_file=None, **(placeholders | known)))
    except TimeoutError:
        return f"no answer within {CHECK_TIMEOUT_SECONDS} s; check address and network"
    except ValidationError as error:
        return mistakes(error)
    except Exception as error:
        if not foreseen(error):
            raise
        return explain(error)
    return ""


# -- questions and checks


def _stripe() -> Values:
    say("\nStripe: sk_test_… for test cards, sk_live_… or rk_… for real money; empty: the sandbox", style="bold")
    return {"BILLING_STRIPE_API_KEY": _asked("Secret key", hidden=True)}


async def _stripe_answers(settings: Settings) -> None:
    payments = processor(settings)
    try:
        await payments.ping()
    finally:
        await payments.close()


def _sales() -> Values:
    say("\nSales: the address of a Google Sheet, a folder of CSV files, or none (tariffs alone)", style="bold")
    where = _asked("Sheet or folder", "none")
    if where == "none":
        return {"BILLING_SALES": "none"}
    if (found := _SHEET_URL.search(where)) is None:
        return {"BILLING_SALES_FOLDER": str(Path(where).expanduser().absolute())}
    key = _asked("Key file of the service account that the sheet is shared with")
    return {"BILLING_SALES_SHEET_ID": found[1], "BILLING_GOOGLE_CREDENTIALS_FILE": key}


async def _sales_answer(settings: Settings) -> None:
    if settings.sales_folder and not settings.sales_folder.is_dir():
        raise InvalidInput(f"{settings.sales_folder} is no folder; make it, or name another one")
    await sales_source(settings).ping()


def _mail() -> Values:
    say("\nMail: by which server, from whom, and who hears when a person is needed", style="bold")
    answers = {"BILLING_SMTP_HOST": _asked("SMTP server"), "BILLING_SMTP_PORT": _asked("Port", "587")}
    answers |= {"BILLING_SMTP_TLS": _asked("starttls, tls or none", "starttls")}
    if user := _asked("User, if it asks for one"):
        answers |= {"BILLING_SMTP_USERNAME": user, "BILLING_SMTP_PASSWORD": _asked("Password", hidden=True)}
    answers |= {
        "BILLING_MAIL_FROM": _asked("Sender's address"),
        "BILLING_COMPANY": _asked("Company, as customers see it"),
    }
    return answers | {"BILLING_REVIEWERS_EMAIL": _asked("Reviewers' address")}


async def _mail_answers(settings: Settings) -> None:
    await mail_server(settings).ping()


def _console() -> Values:
    say("\nConsole: its address from outside, for the links in mails; empty: no links", style="bold")
    url = _asked("Address, such as https://pay.example.com")
    return {"BILLING_CONSOLE_URL": url, "BILLING_LINK_SECRET": secrets.token_hex(32) if url else ""}


async def _is_valid(settings: Settings) -> None:
    """Nothing more than that the settings fit each other."""


def _temporal() -> Values:
    say("\nTemporal: your server, or Temporal Cloud", style="bold")
    answers = {
        "TEMPORAL_ADDRESS": _asked("Address", "127.0.0.1:7233"),
        "TEMPORAL_NAMESPACE": _asked("Namespace", "default"),
    }
    return answers | {"TEMPORAL_API_KEY": _asked("API key, for Temporal Cloud", hidden=True)}


async def _temporal_answers(settings: Settings) -> None:
    await connect_temporal(settings)


def _ledger() -> Values:
    say("\nLedger: PostgreSQL for production; empty: a SQLite file in the folder data", style="bold")
    return {"BILLING_LEDGER_URL": _asked("postgresql://user:password@host/database", hidden=True)}


async def _ledger_answers(settings: Settings) -> None:
    async with connect_ledger(settings) as ledger:
        if settings.ledger_url.get_secret_value():
            await ledger.ping()


def _asked(question: str, default: str = "", hidden: bool = False) -> str:
    typed = typer.prompt(f"  {question}", default=default, hide_input=hidden, show_default=bool(default))
    return str(typed).strip()


_GROUPS = (
    (_stripe, _stripe_answers),
    (_sales, _sales_answer),
    (_mail, _mail_answers),
    (_console, _is_valid),
    (_temporal, _temporal_answers),
    (_ledger, _ledger_answers),
)

# -- the file


def _write(file: Path, values: Values) -> str:
    """Writes the file whole, readable by its user alone. Returns the name under which an earlier one is kept."""
    if lines := [name for name, value in values.items() if "\n" in value]:
        raise BillingError(f"{lines[0]} has several lines; write it into {file} yourself")
    kept, new = "", file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as written:
        written.writelines(f"{name}={_quoted(value)}\n" for name, value in values.items())
    if file.exists():
        kept = f"{file.name}.{datetime.now(UTC):%Y%m%dT%H%M%S}"
        file.rename(file.with_name(kept))
    new.rename(file)
    return kept


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
