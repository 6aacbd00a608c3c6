"""Subscribers within chaos: who has which tariff and ladder, who pays when, and what breaks for them."""
