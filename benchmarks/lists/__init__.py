"""How quickly pages with long lists are answered, beside an empty page."""
