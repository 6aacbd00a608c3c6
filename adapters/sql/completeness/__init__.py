"""Checks of completeness in the ledger."""
