"""What people do with announcements of planned works, and what sends them."""
