"""Planned works, and who is told of them, once."""
