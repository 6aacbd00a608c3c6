"""Certificates are left out only where nothing is encrypted."""

import pytest

from adapters.addresses import is_secure


@pytest.mark.parametrize("url", ["https://api.example", "HTTPS://api.example", "HTTP://api.example", "http:/api", ""])
def test_a_client_checks_certificates_unless_its_address_is_plain_http(url: str) -> None:
    assert is_secure(url)
    assert not is_secure("http://127.0.0.1:8000")
