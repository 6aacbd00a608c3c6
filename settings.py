"""Typed settings, from the environment (``BILLING_…``) and a ``.env`` file; only entry points read them.

With nothing configured everything is the sandbox: stand-ins on 127.0.0.1 and no real money. As soon as a real Stripe
key is set, sales and mail must be real too: the two never mix. Temporal's address is set by Temporal's own
variables (``TEMPORAL_ADDRESS``, ``TEMPORAL_PROFILE``, ``TEMPORAL_API_KEY`` …, see ``.env.example``).
"""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import SettingsConfigDict, SettingsError

from billing.customers.address import sendable
from billing.customers.customer import Currency, Email, Timezone
from billing.customers.links import Links
from billing.errors import InvalidInput
from billing.events.event import Destination
from billing.model import Id, Line, Url
from billing.payments.mode import MoneyMode
from billing.payments.rails import SANDBOX_RAILS, billers, gateways
from process.settings.checks import (
    check_bank_accounts,
    check_billers,
    check_console_url,
    check_one_source,
    check_production,
    check_receiver,
    check_secrets,
    check_shops,
)
from process.settings.procedures import ProcedureSettings
from process.settings.rails import RailSettings
from process.settings.sandbox import SandboxSettings
from process.settings.services import ServiceSettings
from process.settings.texts import TextSettings, check_sms
from process.settings.types import Company, HeaderName, LadderText, Networks, Secret

ENV_FILE = ".env"
_OF_COMMANDS = {"BILLING_BY", "BILLING_DEBUG"}  # options of the command line, from the environment alone


class Settings(RailSettings, ServiceSettings, ProcedureSettings, TextSettings, SandboxSettings):
    """Every variable is documented in ``.env.example``. Secrets are never printed."""

    model_config = SettingsConfigDict(
        env_prefix="BILLING_",
        env_file=ENV_FILE,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    data_dir: Path = Path("data")
    ledger_url: Secret = SecretStr("")

    stripe_api_key: Secret = SecretStr("")
    stripe_webhook_secret: Secret = SecretStr("")
    console_url: Url = ""
    console_host: Line = "127.0.0.1"
    temporal_ui_url: Url = ""
    console_port: int = Field(12114, ge=1, le=65535)
    inbound_port: int = Field(12120, ge=1, le=65535)
    console_trusted_proxies: Networks = ()
    console_sso_header: HeaderName | Literal[""] = ""
    link_secret: Secret = SecretStr("")
    default_currency: Currency | Literal[""] = ""
    default_timezone: Timezone | Literal[""] = ""
    sales_sheet_id: Id = ""
    google_credentials_file: Path | None = None
    sales_folder: Path | None = None
    sales_url: Url = ""
    sales_secret: Secret = SecretStr("")
    sales: Literal["none", ""] = ""
    decimal_separator: Literal[".", ","] = "."

    smtp_host: Line = ""
    smtp_port: int = Field(587, ge=1, le=65535)
    smtp_username: Line = ""
    smtp_password: Secret = SecretStr("")
    smtp_tls: Literal["none", "starttls", "tls"] = "starttls"
    mail_from: Email = "billing@example.com"
    company: Company = "Monthly Billing"
    where_to_pay: Annotated[str, Field(max_length=500)] = ""
    reviewers_email: Email | Literal[""] = ""
    alert_urls: Secret = SecretStr("")
    digest_minutes: float = Field(10, gt=0, le=1440)
    charges_per_second: float = Field(20, gt=0, le=10_000)
    spread_minutes: int = Field(60, ge=0, le=180)
    ladder: LadderText = ()
    cached_workflows: int | None = Field(None, ge=1, le=10_000_000)
    events_url: Url = ""
    events_secret: Secret = SecretStr("")
    orders_secret: Secret = SecretStr("")
    production_url: Secret = SecretStr("")
    production_secret: Secret = SecretStr("")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log: Literal["text", "json"] = "text"
    worker_metrics_address: Annotated[str, Field(pattern=r"^\S+:[0-9]{1,5}$", max_length=300)] | Literal[""] = ""

    @model_validator(mode="before")
    @classmethod
    def _sandbox_has_a_gateway(cls, values: Any) -> Any:
        """Unless rails are configured."""
        is_plain = isinstance(values, dict) and not values.get("rails") and not values.get("stripe_api_key")
        return {**values, "rails": SANDBOX_RAILS} if is_plain else values

    @model_validator(mode="after")
    def _real_or_sandbox(self) -> Self:
        has_key, has_mail = bool(self.stripe_api_key.get_secret_value()), bool(self.smtp_host)
        has_any = bool(self.sales_url or self.sales) and (has_key or has_mail)  # which serve the sandbox, too
        real = {
            "BILLING_STRIPE_API_KEY": has_key,
            "BILLING_SALES_SHEET_ID (or _FOLDER, or _URL)": has_any or bool(self.sales_sheet_id or self.sales_folder),
            "BILLING_SMTP_HOST": has_mail,
        }
        missing = [name for name, is_set in real.items() if not is_set]
        if missing and len(missing) < len(real):
            raise ValueError(f"set {' and '.join(missing)} too: real services and the sandbox do not mix")
        if not missing and "mail_from" not in self.model_fields_set:
            raise ValueError("set BILLING_MAIL_FROM too: the address that customers see and reply to")
        if not missing and self.console_url and len(self.link_secret.get_secret_value()) < 32:
            raise ValueError("set BILLING_LINK_SECRET too, 32 characters or more: it signs the links in mails")
        if not self.mail_from.rpartition("@")[0].isascii():
            raise ValueError("BILLING_MAIL_FROM needs ASCII before the @: most mail servers refuse any other sender")
        if bool(self.default_currency) != bool(self.default_timezone):
            raise ValueError("set both BILLING_DEFAULT_CURRENCY and BILLING_DEFAULT_TIMEZONE, or neither")
        if self.console_sso_header and not self.console_trusted_proxies:
            raise ValueError(
                "set BILLING_CONSOLE_TRUSTED_PROXIES too: BILLING_CONSOLE_SSO_HEADER is trusted from these proxies only"
            )
        return self

    @model_validator(mode="after")
    def _rails_are_whole(self) -> Self:
        check_shops(gateways(self.rails), self.wayforpay, self.sandbox)
        check_bank_accounts(self.rails, self.bank_accounts, self.sandbox)
        names = billers(self.rails)
        check_billers(names, self.billers, billers(SANDBOX_RAILS) if self.sandbox else ())
        if names and not self.sandbox and len(self.personal_secret.get_secret_value()) < 32:
            raise ValueError("set BILLING_PERSONAL_SECRET too, 32 characters or more: it keys what banks have asked")
        return self

    @model_validator(mode="after")
    def _others_are_reached_safely(self) -> Self:
        check_sms(self.sms, self.sandbox)
        check_one_source(self.sales_sheet_id, self.sales_folder, self.sales_url, self.sales)
        if self.sales_url:
            check_receiver("BILLING_SALES", self.sales_url, self.sales_secret.get_secret_value().split(), self.sandbox)
        if self.events_url:
            check_receiver("BILLING_EVENTS", self.events_url, self.events_secrets, self.sandbox)
        if self.provisioning_url:
            check_receiver("BILLING_PROVISIONING", self.provisioning_url, self.provisioning_secrets, self.sandbox)
        check_production(self.production_url.get_secret_value(), self.production_secrets, self.sandbox)
        if self.orders_secrets:
            check_secrets("BILLING_ORDERS_SECRET", self.orders_secrets)
        check_console_url(self.console_url, self.stripe_api_key.get_secret_value())
        return self

    @property
    def behind_unknown_proxy(self) -> bool:
        """The console's address is https://, so a TLS proxy stands before it, but no proxy is trusted."""
        return not self.sandbox and self.console_url.startswith("https://") and not self.console_trusted_proxies

    @property
    def sandbox(self) -> bool:
        """Nothing real is configured: stand-ins serve, and no money moves."""
        return self.mode is MoneyMode.SANDBOX

    @property
    def mode(self) -> MoneyMode:
        """Whether money moves; pages and mails say so if it does not."""
        return MoneyMode.of_key(self.stripe_api_key.get_secret_value())

    @property
    def skipped_file(self) -> Path:
        """Holds by how many seconds the demo, which skips time, is ahead of the real clock."""
        return self.data_dir / "skipped-seconds"

    def now(self) -> datetime:
        """The present instant in UTC, on the demo's clock where that skips time."""
        if not self.sandbox or not self.skipped_file.exists():
            return datetime.now(UTC)
        return datetime.now(UTC) + timedelta(seconds=float(self.skipped_file.read_text()))

    @property
    def newcomers(self) -> tuple[str, str] | None:
        """Currency and time zone of self-registered customers; None: registration by invitation only."""
        if self.default_currency and self.default_timezone:
            return self.default_currency, self.default_timezone
        return ("eur", "Europe/Paris") if self.sandbox else None

    @property
    def sheet_url(self) -> str:
        """The URL of the Google Sheet with the sales; "" for another source."""
        return f"https://docs.google.com/spreadsheets/d/{self.sales_sheet_id}/edit" if self.sales_sheet_id else ""

    @property
    def links(self) -> Links:
        """The links in mails to customers; none without a public console."""
        if self.sandbox:
            return Links(f"http://127.0.0.1:{self.console_port}", "sandbox")
        return Links(self.console_url, self.link_secret.get_secret_value())

    @property
    def events_secrets(self) -> list[str]:
        """The secrets that sign events; two while one is replaced by the other."""
        return self.events_secret.get_secret_value().split()

    @property
    def orders_secrets(self) -> list[str]:
        """The secrets by which the seller's own system signs orders; two while one is replaced; []: none are taken."""
        return self.orders_secret.get_secret_value().split()

    @property
    def production_secrets(self) -> list[str]:
        """The secrets that sign releases; two while one is replaced by the other."""
        return self.production_secret.get_secret_value().split()

    @property
    def personal_key(self) -> str:
        """Keys the digests of personal numbers; "": none are kept."""
        return self.personal_secret.get_secret_value() or ("sandbox" if self.sandbox else "")

    @property
    def destinations(self) -> tuple[Destination, ...]:
        """Where events go; none are written unless somebody gets them."""
        return tuple(each for each in Destination if each is not Destination.RECEIVER or self.events_url)

    @property
    def mail_domain(self) -> str:
        """The right side of our Message-IDs."""
        return sendable(self.mail_from).rpartition("@")[2]

    @property
    def digest_interval(self) -> timedelta:
        """How long a digest gathers alerts; a second in the sandbox unless set."""
        if self.sandbox and "digest_minutes" not in self.model_fields_set:
            return timedelta(seconds=1)
        return timedelta(minutes=self.digest_minutes)

    @property
    def charge_rate(self) -> float | None:
        """Charges and retries per second of all workers together; None, in the sandbox unless set: no limit."""
        if self.sandbox and "charges_per_second" not in self.model_fields_set:
            return None
        return self.charges_per_second

    @property
    def spread(self) -> int:
        """Minutes over which new customers are spread; 0 in the sandbox unless set."""
        return 0 if self.sandbox and "spread_minutes" not in self.model_fields_set else self.spread_minutes

    @property
    def ledger(self) -> str:
        """The ledger's URL; a file in the data folder unless one is configured."""
        return self.ledger_url.get_secret_value() or f"sqlite:///{(self.data_dir / 'ledger.db').absolute()}"


def load_settings() -> Settings:
    """The settings of this process. Raises ``InvalidInput``, which names the variable, never its value."""
    try:
        return Settings()
    except ValidationError as error:
        raise InvalidInput(f"settings (environment or .env): {_explained(error)}") from None
    except SettingsError as error:  # it names the field, not what is in it
        names = [name for name in Settings.model_fields if f'"{name}"' in str(error)]
        variable = f"BILLING_{names[0].upper()}: " if names else ""
        raise InvalidInput(f"settings (environment or .env): {variable}this is not JSON; see .env.example") from None


def _explained(error: ValidationError) -> str:
    """The faults by variable, without their values, which may be misplaced secrets."""
    parts = []
    for item in error.errors(include_url=False, include_context=False):
        variable = "".join(f"BILLING_{str(part).upper()}: " for part in item["loc"][:1])
        message = item["msg"].removeprefix("Value error, ")
        parts.append(f"{variable}{message.replace(repr(item['input']), 'its value')}")
    return "; ".join(parts)


def environment() -> dict[str, str]:
    """The variables of the process and of ``.env``, for Temporal's own configuration."""
    return {**{name: value for name, value in dotenv_values(ENV_FILE).items() if value is not None}, **os.environ}


def unknown_variables() -> list[str]:
    """Variables named like settings that are none: probably misspelled, and without effect."""
    known = {f"BILLING_{name.upper()}" for name in Settings.model_fields} | (_OF_COMMANDS & os.environ.keys())
    return sorted(name for name in environment() if name.upper().startswith("BILLING_") and name.upper() not in known)
