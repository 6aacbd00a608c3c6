"""The types of settings that are written as text, and how they are read."""

from ipaddress import IPv4Network, IPv6Network, ip_network
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, StringConstraints
from pydantic_settings import NoDecode

from billing.billers.biller import BillerCode, Dialect
from billing.customers.address import hidden_character
from billing.customers.customer import Currency, Timezone
from billing.customers.ladder import Ladder
from billing.errors import InvalidInput
from billing.model import Code, Line, Minor, Model
from billing.money import currency_code, parse_amount

Network = IPv4Network | IPv6Network


def _networks(text: object) -> object:
    """``10.0.0.7, fd00::/8`` as networks."""
    if not isinstance(text, str):
        return text
    try:
        networks = tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("write addresses and networks, such as 10.0.0.7, fd00::/8") from None
    if any(network.prefixlen == 0 for network in networks):
        raise ValueError("that is every address; name those of your proxies")
    return networks


def _amounts(text: object) -> object:
    """``1000 EUR, 150000 JPY`` as minor units by currency."""
    if not isinstance(text, str):
        return text
    amounts = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        amount, _, code = part.rpartition(" ")
        try:
            currency = currency_code(code)
            amounts[currency] = parse_amount(amount, currency)
        except InvalidInput as error:
            raise ValueError(f"write amounts such as 1000 EUR, 150000 JPY: {error}") from None
    return amounts


Amounts = Annotated[
    dict[Currency, Annotated[Minor, Field(ge=0)]], Field(max_length=200), NoDecode, BeforeValidator(_amounts)
]
Networks = Annotated[tuple[Network, ...], Field(max_length=100), NoDecode, BeforeValidator(_networks)]
LadderText = Annotated[Ladder, NoDecode]


def _one_line(text: str) -> str:
    if name := hidden_character(text):
        raise ValueError(f"contains {name}; write it in one line of visible characters")
    return text


Company = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(_one_line)
]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9-]+$", max_length=100)]
Secret = Annotated[SecretStr, Field(max_length=2000)]


class Shop(Model, extra="forbid"):
    """A shop at WayForPay. ``order_field`` is the additional field of its static page for the number of an order.

    "": the only one that the page has.
    """

    merchant_account: Annotated[str, Field(min_length=1, max_length=200)]
    secret_key: Annotated[SecretStr, Field(min_length=1, max_length=500)]
    domain: Annotated[str, Field(min_length=1, max_length=200)]
    order_field: Line = ""


class BillerContract(Model, extra="forbid"):
    """What was agreed with a bank whose app asks what an account owes, and tells what was paid.

    ``addresses`` are the bank's. ``secret``, or ``user`` and ``password``, are of the neutral dialect; ``bin`` and
    ``data1`` of Kaspi's. ``least`` and ``most`` are told by ``check``. ``texts`` are what payers read, by code.
    ``register_hour`` is by when the register of the day before is there; None: none ever comes.
    """

    dialect: Dialect
    currency: Currency
    timezone: Timezone
    addresses: Networks = ()
    least: Code = "0.01"
    most: Code = "1000000.00"
    secret: Secret = SecretStr("")
    user: Line = ""
    password: Secret = SecretStr("")
    bin: Code = ""
    data1: Secret = SecretStr("")
    register_hour: Annotated[int, Field(ge=0, le=23)] | None = 12
    texts: dict[BillerCode, Line] = Field(default_factory=dict, max_length=20)
