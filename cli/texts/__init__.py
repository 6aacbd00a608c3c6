"""Texts to customers on the command line."""
