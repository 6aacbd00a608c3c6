"""Whether a month kept every promise, by what was left behind."""
