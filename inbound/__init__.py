"""Endpoints for machines: banks' apps, Stripe's and gateways' callbacks, orders and planned works of the company's own
systems, health, metrics.
"""

READY = "inbound is ready"
