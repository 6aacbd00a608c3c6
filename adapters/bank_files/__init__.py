"""What files of banks have in common: letters, and tables."""
