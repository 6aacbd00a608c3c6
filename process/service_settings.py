"""Settings of service accounts: who switches them, and how soon."""

from datetime import timedelta

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from billing.model import Url
from process.setting_types import Secret


class ServiceSettings(BaseSettings):
    """The part of ``Settings`` about provisioning."""

    provisioning_url: Url = ""
    provisioning_secret: Secret = SecretStr("")
    restore_hours: float = Field(3, gt=0, le=720)

    @property
    def provisioning_secrets(self) -> list[str]:
        """The secrets that sign changes of service; two while one is replaced by the other."""
        return self.provisioning_secret.get_secret_value().split()

    @property
    def restored_within(self) -> timedelta:
        """How long provisioning may take to restore who has paid, before people hear of it."""
        return timedelta(hours=self.restore_hours)
