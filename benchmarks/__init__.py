"""Measurements of the real application; each prints its own table."""
