"""Parts of the settings, and how values of the environment are read and checked; ``settings.py`` has them together."""
