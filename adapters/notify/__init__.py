"""Chat services."""
