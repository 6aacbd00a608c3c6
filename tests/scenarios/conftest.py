"""The real server and a fresh bed."""

from tests.server import bed, server

__all__ = ["bed", "server"]
