"""Settings of texts to customers: the vendor, how they are written, what they may cost, and when customers are told."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, NoDecode

from billing.customers.contact_hours import ContactHours
from billing.customers.customer import Currency
from billing.errors import InvalidInput
from billing.model import Count, Line, Model
from billing.texts.ports import TextLimits
from billing.texts.text import MICROS, Micros
from process.settings.types import Secret
from wording.texts import TextWording


class SmscAccount(Model, extra="forbid"):
    """An account at SMSC; ``secret`` signs its reports of deliveries, which it sends where its cabinet says."""

    vendor: Literal["smsc"] = "smsc"
    login: Annotated[str, Field(min_length=1, max_length=100)]
    password: Annotated[SecretStr, Field(min_length=1, max_length=500)]
    sender: Line = ""
    secret: Secret = SecretStr("")
    site: Literal["smsc.kz", "smsc.ru", "smsc.ua"] = "smsc.kz"


class TwilioAccount(Model, extra="forbid"):
    """An account at Twilio; ``sender`` is a number, or the id of a messaging service."""

    vendor: Literal["twilio"] = "twilio"
    account_sid: Annotated[str, Field(pattern=r"^AC\w+$", max_length=100)]
    token: Annotated[SecretStr, Field(min_length=1, max_length=500)]
    sender: Annotated[str, Field(min_length=1, max_length=100)]


SmsAccount = Annotated[SmscAccount | TwilioAccount, Field(discriminator="vendor")]


def check_sms(account: SmscAccount | TwilioAccount | None, is_sandbox: bool) -> None:
    """No real account stands beside the sandbox, whose stand-in knows its own only. Raises ``ValueError``."""
    name = account.account_sid if isinstance(account, TwilioAccount) else account.login if account else ""
    if is_sandbox and account and "sandbox" not in name:
        raise ValueError("BILLING_SMS names a real account: real services and the sandbox do not mix")


class TextTerms(TextWording):
    """How texts are written, and what they may cost: ``price`` of a segment, such as ``4.50 KZT``; ``per_day`` and
    ``cost_per_day``, in that currency, are limits of a day in UTC. ``receipts``: a payment is thanked for by text.
    """

    price: Annotated[str, Field(pattern=r"^[0-9]{1,9}(\.[0-9]{1,6})? [A-Za-z]{3}$", max_length=30)] = "0 EUR"
    per_day: Count | None = 10_000
    cost_per_day: Annotated[int, Field(ge=0, le=10**9)] | None = None
    receipts: bool = False

    @model_validator(mode="after")
    def _has_a_price(self) -> Self:
        if self.cost_per_day is not None and not self.price_micros:
            raise ValueError("set price too, such as 4.50 KZT: without it no day costs anything")
        return self

    @property
    def price_micros(self) -> Micros:
        whole, _, fraction = self.price.partition(" ")[0].partition(".")
        return int(whole) * MICROS + int(fraction.ljust(6, "0"))

    @property
    def currency(self) -> Currency:
        return self.price.partition(" ")[2].upper()

    @property
    def limits(self) -> TextLimits:
        cost = None if self.cost_per_day is None else self.cost_per_day * MICROS
        return TextLimits(texts=self.per_day, cost_micros=cost)


def _hours(text: object) -> object:
    if not isinstance(text, str):
        return text
    try:
        return ContactHours.read(text)
    except InvalidInput as error:
        raise ValueError(str(error)) from None


class TextSettings(BaseSettings):
    """The part of ``Settings`` about texts."""

    sms: SmsAccount | None = None
    texts: TextTerms = TextTerms()
    contact_hours: Annotated[ContactHours, NoDecode, BeforeValidator(_hours)] = ContactHours()
    phone_region: Annotated[str, Field(pattern=r"^[A-Z]{2}$", max_length=2)] | Literal[""] = ""
