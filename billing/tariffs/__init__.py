"""Tariffs: what service accounts pay by the month, and the invoice lines that follow from it."""
