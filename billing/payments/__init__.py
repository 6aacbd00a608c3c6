"""Payments, whatever the rail: what is asked of a processor, what it answers."""
