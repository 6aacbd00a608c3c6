"""Commands about announcements of planned works."""
