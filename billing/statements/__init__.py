"""Statements of the company's bank accounts: lines, what each line is, and what becomes of it."""
