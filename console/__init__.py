"""The web application: customers pay, Stripe's webhooks arrive, load balancers ask how it is."""

READY = "console ready"
