"""Months and their invoices: states, commands, approvals."""
