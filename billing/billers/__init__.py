"""Billers: what a bank's app asks (what is owed?), what it tells (this much was paid), and what it is answered."""
