"""Registers of banks: taken in by hand, or from a folder; and what people decide about them."""
