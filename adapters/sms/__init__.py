"""Vendors of texts. Each translates its errors to those of ``billing/errors.py``, which quote no number or text."""
