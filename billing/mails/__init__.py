"""Mails to customers, and corrected notices."""
