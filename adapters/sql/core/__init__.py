"""What the parts of the ledger share: connections, schema, rows, statements, errors."""
