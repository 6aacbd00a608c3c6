"""Endpoints for machines: Stripe's webhooks, health checks, metrics."""
