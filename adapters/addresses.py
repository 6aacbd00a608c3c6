"""What adapters know of addresses."""


def is_secure(url: str) -> bool:
    """Whether a client for it alone needs the certificate authorities: to read them takes longer than a request."""
    return not url.startswith("http://")
