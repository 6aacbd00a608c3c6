"""Accounting: the export of a period, and its reconciliation with processor and rails."""
