"""What goes to Temporal is compressed unless it stays on this machine."""

import pytest
from temporalio.client import GrpcCompression

from process.temporal import compression_to


@pytest.mark.parametrize("address", ["127.0.0.1:7233", "localhost:7233", "[::1]:7233"])
def test_nothing_is_compressed_that_stays_here(address: str) -> None:
    assert compression_to(address) is GrpcCompression.NONE


@pytest.mark.parametrize("address", ["temporal:7233", "eu.tmprl.cloud:7233", "192.0.2.7:7233", "[2001:db8::1]:7233"])
def test_what_crosses_a_network_is(address: str) -> None:
    assert compression_to(address) is GrpcCompression.GZIP
