"""What machines call: Stripe, whoever watches over the process, and collectors of metrics."""
