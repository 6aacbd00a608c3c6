"""Customers: terms, addresses, registrations, links and the roster."""
