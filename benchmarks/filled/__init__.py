"""Ledgers with a long past or many rows, for measuring; no application makes them that fast."""
