"""Pages of announcements of planned works."""
