"""Mails to customers, and what a corrected notice corrects."""
