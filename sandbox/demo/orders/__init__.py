"""The demo of orders."""
