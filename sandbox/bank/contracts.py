"""The bank's contracts with the company: whom it asks and tells, in which protocol, and what it keeps for that."""

from datetime import datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bootstrap_billers import SANDBOX_BILLER_SECRET
from sandbox.stand_ins.control import control
from settings import Settings


class Dialect(StrEnum):
    KASPI = "kaspi"  # an address that ends with .xml is answered in XML
    OSMP = "osmp"
    NEUTRAL = "neutral"


class Contract(BaseModel, extra="forbid"):
    """One rail of the company's. ``commission_percent`` is withheld from each settlement.

    With a ``secret`` calls are signed; else with a ``user`` they carry Basic credentials.
    """

    rail: str
    dialect: Dialect
    url: str = ""
    currency: str = "eur"
    timezone: str = "Europe/Paris"
    secret: str = ""
    user: str = ""
    password: str = ""
    commission_percent: str = "1"

    @property
    def limit_seconds(self) -> float:
        """How long the bank waits for an answer before it breaks the line."""
        return 60 if self.dialect is Dialect.OSMP else 15

    @property
    def is_xml(self) -> bool:
        return self.url.endswith(".xml")

    def local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.timezone))


CONTRACTS = (
    Contract(rail="bank-app", dialect=Dialect.KASPI),
    Contract(rail="terminals", dialect=Dialect.OSMP, commission_percent="2.5"),
    Contract(rail="local-bank", dialect=Dialect.NEUTRAL, commission_percent="0"),
)
"""Those of the sandbox; their addresses are told by ``_control/contracts``."""
CONNECTIONS = 10
"""At once, for each contract."""


async def agree_with_the_bank(settings: Settings, base_url: str) -> None:
    """Tells the bank where each contract's calls go, and by what it shows that it is the bank."""
    for contract in CONTRACTS:
        rail = contract.rail
        if rail in settings.rails:
            secret = SANDBOX_BILLER_SECRET if contract.dialect is Dialect.NEUTRAL else ""
            agreed = {"rail": rail, "url": f"{base_url}/billers/{rail}", "secret": secret}
            await control(settings.sandbox_bank_port, "contracts", agreed)
