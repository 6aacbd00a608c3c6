"""Settings of rails: the ways by which money arrives, and what was agreed with gateways and banks."""

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from billing.payments.rails import RAILS, Rail, RailName
from billing.statements.bank_account import BankAccount
from process.settings.types import Amounts, BillerContract, Secret, Shop


class RailSettings(BaseSettings):
    """The part of ``Settings`` about rails."""

    rails: dict[RailName, Rail] = Field(RAILS, max_length=50)
    wayforpay: dict[RailName, Shop] = Field(default_factory=dict, max_length=50)
    billers: dict[RailName, BillerContract] = Field(default_factory=dict, max_length=50)
    personal_secret: Secret = SecretStr("")
    registers_folder: Path | None = None
    bank_accounts: dict[RailName, BankAccount] = Field(default_factory=dict, max_length=50)
    four_eyes_above: Amounts = Field(default_factory=dict)
