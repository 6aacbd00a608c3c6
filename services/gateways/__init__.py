"""Gateways: what a shop says of attempts to pay, its list, and refunds there."""
