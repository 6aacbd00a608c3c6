"""Composition of gateways: from settings to shops, and to what reads, books and gives back there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from billing.payments.rails import gateways
from services.gateways.gateway import Gateway
from services.gateways.reader import GatewayReader
from services.gateways.refunds import GatewayRefunds

if TYPE_CHECKING:
    from adapters.wayforpay.shop import WayForPay
    from bootstrap import Adapters
    from services.alerts import Alerts
    from settings import Settings

SANDBOX_SHOP = ("test_merch_n1", "flk3409refn54t54t*FNJRET", "www.market.ua")
"""WayForPay's published test shop."""
SANDBOX_ORDER_FIELD = "order"


def shops_of(settings: Settings) -> dict[str, WayForPay]:
    """The shop of each rail of kind gateway."""
    if not (names := gateways(settings.rails)):
        return {}
    from adapters.wayforpay.shop import WayForPay

    if not settings.sandbox:
        shops = {name: settings.wayforpay[name] for name in names}
        return {
            name: WayForPay(
                name, shop.merchant_account, shop.secret_key.get_secret_value(), shop.domain, shop.order_field
            )
            for name, shop in shops.items()
        }
    url = f"http://127.0.0.1:{settings.sandbox_wayforpay_port}/api"
    merchant, secret, domain = SANDBOX_SHOP
    merchants = [merchant, *(f"{merchant}_{name}" for name in names[1:])]
    return {
        name: WayForPay(name, account, secret, domain, SANDBOX_ORDER_FIELD, url)
        for name, account in zip(names, merchants, strict=True)
    }


def connect_gateways(settings: Settings, adapters: Adapters, alerts: Alerts | None = None) -> dict[str, Gateway]:
    """The shops at gateways, by rail; without ``alerts``, for what tells nobody."""
    base_url = settings.links.base_url.rstrip("/")
    callbacks = f"{base_url}/webhooks/wayforpay/{{}}" if base_url else ""
    return {
        rail: Gateway(shop, rail, adapters.ledger, callbacks.format(rail), settings.now, alerts)
        for rail, shop in adapters.shops.items()
    }


def connect_gateway_refunds(settings: Settings, adapters: Adapters) -> GatewayRefunds:
    """Refunds by gateways."""
    return GatewayRefunds(connect_gateways(settings, adapters), adapters.ledger)


def connect_gateway_reader(settings: Settings, adapters: Adapters, alerts: Alerts) -> GatewayReader:
    """Reads the lists of gateways, and goes on with refunds that are under way there."""
    shops = connect_gateways(settings, adapters, alerts)
    refunds = GatewayRefunds(shops, adapters.ledger)
    return GatewayReader(shops, adapters.ledger, settings.now, refunds.go_on)
