"""Tariffs, and what was agreed for customers' accounts."""
