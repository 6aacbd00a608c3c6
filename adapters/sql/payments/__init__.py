"""Payments and collections in the ledger."""
