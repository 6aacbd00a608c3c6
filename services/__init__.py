"""Use cases over ports that activities, the console and what machines call share."""
