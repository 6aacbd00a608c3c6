"""Announcements of planned works in SQL."""
