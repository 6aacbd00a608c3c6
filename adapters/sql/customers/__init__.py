"""Customers in the ledger."""
