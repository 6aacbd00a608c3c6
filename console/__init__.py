"""The web application: pages for reviewers and customers, Stripe's webhooks, health."""

READY = "console ready"
