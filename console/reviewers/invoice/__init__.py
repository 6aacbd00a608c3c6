"""An invoice's page."""
