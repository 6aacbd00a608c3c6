"""Endpoints for machines: banks' apps, Stripe's and gateways' callbacks, the seller's orders, health, metrics."""

READY = "inbound is ready"
