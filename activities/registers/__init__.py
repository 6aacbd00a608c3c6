"""Registers of rails beside their clearing accounts, and what the journal lacks of them taken in."""
