"""Settings of the sandbox: the ports of its stand-ins on this machine."""

from pydantic import Field
from pydantic_settings import BaseSettings


class SandboxSettings(BaseSettings):
    """The part of ``Settings`` about stand-ins."""

    sandbox_stripe_port: int = Field(12111, ge=1, le=65535)
    sandbox_sheets_port: int = Field(12112, ge=1, le=65535)
    sandbox_mail_port: int = Field(12113, ge=1, le=65535)
    sandbox_smtp_port: int = Field(12125, ge=1, le=65535)
    sandbox_production_port: int = Field(12115, ge=1, le=65535)
    sandbox_wayforpay_port: int = Field(12116, ge=1, le=65535)
    sandbox_bank_port: int = Field(12117, ge=1, le=65535)
    sandbox_sms_port: int = Field(12119, ge=1, le=65535)
    sandbox_provisioning_port: int = Field(12118, ge=1, le=65535)
