"""Shared by all parts of the ledger: connections, schema, rows, statements, errors."""
