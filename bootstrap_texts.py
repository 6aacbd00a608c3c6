"""Composition of texts: from settings to the vendor that sends them, and to what tells customers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import SecretStr

from process.settings.texts import SmsAccount, SmscAccount, TwilioAccount

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from adapters.sms.smsc import Smsc
    from adapters.sms.twilio import Twilio
    from bootstrap import Adapters
    from services.alerts import Alerts
    from services.messages.customer_messages import CustomerMessages
    from services.messages.customer_texts import CustomerTexts
    from services.messages.text_reports import TextReports
    from services.orders.quoted_answers import QuotedAnswers, QuotedLedger
    from services.orders.step_texts import StepTexts
    from settings import Settings

SANDBOX_SMSC = SmscAccount(
    login="sandbox",
    password=SecretStr("sms-password-of-the-sandbox"),
    sender="SANDBOX",
    secret=SecretStr("sms-secret-of-the-sandbox"),
)
SANDBOX_TWILIO = TwilioAccount(
    account_sid="AC_sandbox", token=SecretStr("sms-token-of-the-sandbox"), sender="+15005550006"
)


def text_vendor(settings: Settings) -> Smsc | Twilio | None:
    """The vendor of texts; None: none is configured, and mails alone are sent."""
    account = _account(settings)
    if account is None:
        return None
    here = f"http://127.0.0.1:{settings.sandbox_sms_port}"
    if isinstance(account, TwilioAccount):
        from adapters.sms.twilio import API_URL, Twilio
        from inbound.text_reports import PATH

        base_url = settings.links.base_url.rstrip("/")
        callback = f"{base_url}{PATH}" if base_url else ""
        token, url = account.token.get_secret_value(), here if settings.sandbox else API_URL
        return Twilio(account.account_sid, token, account.sender, callback, settings.texts.currency.lower(), url)
    from adapters.sms.smsc import Smsc

    url = f"{here}/rest/" if settings.sandbox else f"https://{account.site}/rest/"
    password, secret = account.password.get_secret_value(), account.secret.get_secret_value()
    return Smsc(account.login, password, account.sender, secret, url)


def has_text_vendor(settings: Settings) -> bool:
    """Whether texts can be sent."""
    return _account(settings) is not None


def _account(settings: Settings) -> SmsAccount | None:
    return settings.sms or (SANDBOX_SMSC if settings.sandbox else None)


def connect_texts(settings: Settings, adapters: Adapters, alerts: Alerts) -> CustomerTexts | None:
    """Texts to customers; None without a vendor."""
    from services.messages.customer_texts import CustomerTexts

    if adapters.texts is None:
        return None
    return CustomerTexts(adapters.texts, adapters.ledger, settings.texts, settings.texts, alerts, _clock(settings))


def _clock(settings: Settings) -> Callable[[], datetime]:
    """The workflow's clock inside an activity, which may be ahead of every other in a sandbox."""
    from temporalio import activity

    from services import clock

    return lambda: clock.now() if activity.in_activity() else settings.now()


def connect_customer_messages(settings: Settings, adapters: Adapters, alerts: Alerts) -> CustomerMessages:
    """Messages to customers, by mail and text."""
    from bootstrap import connect_customer_mails
    from services.messages.customer_messages import CustomerMessages

    mails, texts = connect_customer_mails(settings, adapters), connect_texts(settings, adapters, alerts)
    return CustomerMessages(mails, texts, adapters.ledger, settings.texts.receipts, settings.links)


def connect_step_texts(settings: Settings, adapters: Adapters, alerts: Alerts) -> StepTexts:
    """Tells customers of the steps of their service orders."""
    from services.orders.step_texts import StepTexts

    messages = connect_customer_messages(settings, adapters, alerts)
    return StepTexts(adapters.ledger, messages, alerts, settings.links, settings.contact_hours, settings.now)


def connect_quoted_answers(settings: Settings, ledger: QuotedLedger) -> QuotedAnswers:
    """What texts repeat of answers in the forms of tasks."""
    from services.orders.quoted_answers import QuotedAnswers

    return QuotedAnswers(ledger, settings.texts if has_text_vendor(settings) else None)


def connect_text_reports(settings: Settings, adapters: Adapters, alerts: Alerts) -> TextReports:
    """Asks how far texts have come."""
    from services.messages.text_reports import TextReports

    return TextReports(adapters.texts, adapters.ledger, connect_texts(settings, adapters, alerts), settings.now)


def phone_reader(settings: Settings) -> Callable[[str], str]:
    """Reads a phone number as it was typed, in E.164. It raises ``InvalidInput``."""
    from adapters.phone_numbers import e164

    return lambda text: e164(text, settings.phone_region)
