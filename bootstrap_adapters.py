"""Adapters by the settings, each function for one; the gateways' are in ``bootstrap_gateways.py``.

Each function imports what it makes, so that a command starts without the SDKs that it does not use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.events.http_receiver import HttpReceiver
    from adapters.mail.smtp_mail import SmtpMail
    from adapters.notify.apprise_alerts import AppriseAlerts
    from adapters.production.by_address import AnyProduction
    from adapters.provisioning.http_provisioning import HttpProvisioning
    from adapters.sheets.csv_sales import CsvSales
    from adapters.sheets.google_sheets import GoogleSheetsSales
    from adapters.sheets.http_sales import HttpSales
    from adapters.sheets.no_sales import NoSales
    from adapters.stripe.payments import StripePayments
    from settings import Settings

SANDBOX_STRIPE_KEY = "sk_test_sandbox"
SANDBOX_WEBHOOK_SECRET = "whsec_sandbox"
SANDBOX_SHEET_ID = "sales"
SANDBOX_PRODUCTION_SECRET = "production-secret-of-the-sandbox-012345"
SANDBOX_PROVISIONING_SECRET = "provisioning-secret-of-the-sandbox-0123"


def sandbox_sheet(settings: Settings) -> GoogleSheetsSales:
    """The stand-in's spreadsheet."""
    from adapters.sheets.google_sheets import GoogleSheetsSales

    return GoogleSheetsSales.connect(SANDBOX_SHEET_ID, base_url=f"http://127.0.0.1:{settings.sandbox_sheets_port}")


def processor(settings: Settings) -> StripePayments:
    """Stripe."""
    from adapters.stripe.payments import StripePayments

    if settings.sandbox:
        url = f"http://127.0.0.1:{settings.sandbox_stripe_port}"
        return StripePayments.connect(SANDBOX_STRIPE_KEY, base_url=url, webhook_secret=SANDBOX_WEBHOOK_SECRET)
    secret = settings.stripe_webhook_secret.get_secret_value()
    return StripePayments.connect(settings.stripe_api_key.get_secret_value(), webhook_secret=secret)


def sales_source(settings: Settings) -> GoogleSheetsSales | CsvSales | HttpSales | NoSales:
    """Where sales are read: files, the company's own system, or the Google Sheet; nowhere, if there are none."""
    if settings.sales == "none":
        from adapters.sheets.no_sales import NoSales

        return NoSales()
    if settings.sales_url:
        from adapters.sheets.http_sales import HttpSales

        return HttpSales(settings.sales_url, settings.sales_secret.get_secret_value().split())
    if settings.sales_folder:
        from adapters.sheets.csv_sales import CsvSales

        return CsvSales(settings.sales_folder)
    if settings.sandbox:
        return sandbox_sheet(settings)
    from adapters.sheets.google_sheets import GoogleSheetsSales

    credentials = str(settings.google_credentials_file) if settings.google_credentials_file else None
    return GoogleSheetsSales.connect(settings.sales_sheet_id, credentials_file=credentials)


def mail_server(settings: Settings) -> SmtpMail:
    """Mails to customers and reviewers."""
    from adapters.mail.smtp_mail import SmtpMail

    sender, name = settings.mail_from, settings.company
    if settings.sandbox:
        return SmtpMail("127.0.0.1", settings.sandbox_smtp_port, sender, name, tls="none", mode=settings.mode)
    return SmtpMail(
        settings.smtp_host,
        settings.smtp_port,
        sender,
        name,
        username=settings.smtp_username or None,
        password=settings.smtp_password.get_secret_value() or None,
        tls=settings.smtp_tls,
        mode=settings.mode,
    )


def alert_channels(settings: Settings) -> tuple[AppriseAlerts, ...]:
    """Channels to the reviewers besides mail."""
    addresses = settings.alert_urls.get_secret_value().split()
    if not addresses:
        return ()
    from adapters.notify.apprise_alerts import AppriseAlerts

    return tuple(AppriseAlerts(address) for address in addresses)


def event_receiver(settings: Settings) -> HttpReceiver | None:
    """The receiver of events; None without an address."""
    if not settings.events_url:
        return None
    from adapters.events.http_receiver import HttpReceiver

    return HttpReceiver(settings.events_url, settings.events_secrets)


def told_of_releases(settings: Settings, mail: SmtpMail) -> AnyProduction | None:
    """Who is told of releases; None: the reviewers are."""
    from adapters.production.by_address import production_at

    address, secrets = settings.production_url.get_secret_value(), settings.production_secrets
    if not address and settings.sandbox:
        address = f"http://127.0.0.1:{settings.sandbox_production_port}/releases"
        secrets = [SANDBOX_PRODUCTION_SECRET]
    return production_at(address, secrets, mail, settings.mail_domain) if address else None


def told_of_services(settings: Settings) -> HttpProvisioning | None:
    """Who switches service accounts; None: people do."""
    address, secrets = settings.provisioning_url, settings.provisioning_secrets
    if not address and settings.sandbox:
        address = f"http://127.0.0.1:{settings.sandbox_provisioning_port}/services"
        secrets = [SANDBOX_PROVISIONING_SECRET]
    if not address:
        return None
    from adapters.provisioning.http_provisioning import HttpProvisioning

    return HttpProvisioning(address, secrets)
