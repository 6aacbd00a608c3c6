"""The connection to Temporal, and the SDK's runtime."""

import logging

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client, GrpcCompression
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import LogForwardingConfig, LoggingConfig, PrometheusConfig, Runtime, TelemetryConfig
from temporalio.service import RPCError, RPCStatusCode

from billing.errors import BillingError
from settings import Settings, environment


def compression_to(address: str) -> GrpcCompression:
    """No compression to a server on this machine, where it only costs time."""
    host = address.rpartition(":")[0].strip("[]")
    return GrpcCompression.NONE if host in ("127.0.0.1", "::1", "localhost") else GrpcCompression.GZIP


def connect_runtime(settings: Settings) -> Runtime:
    """The SDK's runtime, with our logging, and with Prometheus metrics if configured."""
    address = settings.worker_metrics_address
    logs = LoggingConfig(LoggingConfig.default.filter, LogForwardingConfig(logging.getLogger("temporalio")))
    metrics = PrometheusConfig(bind_address=address) if address else None
    try:
        return Runtime(telemetry=TelemetryConfig(logging=logs, metrics=metrics))
    except ValueError as error:
        raise BillingError(f"BILLING_WORKER_METRICS_ADDRESS {address} cannot be served: {error}") from None


async def connect(namespace: str = "", address: str = "", runtime: Runtime | None = None, lazy: bool = False) -> Client:
    """A client by Temporal's own configuration, except for what is given: ``namespace``, and the server's ``address``.

    Raises ``BillingError`` if no server answers, or the namespace is missing. ``lazy``: it connects at its first call,
    and each call until then fails as it does while the server is down.
    """
    try:
        config = ClientConfig.load_client_connect_config(override_env_vars=environment())
    except RuntimeError as error:
        raise BillingError(f"Temporal's configuration (TEMPORAL_… variables, temporal.toml): {error}") from None
    config["target_host"] = address or config.get("target_host") or "127.0.0.1:7233"
    if namespace:
        config["namespace"] = namespace
    try:
        client = await Client.connect(
            **config,
            data_converter=pydantic_data_converter,
            grpc_compression=compression_to(config["target_host"]),
            runtime=runtime,
            lazy=lazy,
        )
        if lazy:
            return client
        await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
    except RPCError as error:
        if error.status is not RPCStatusCode.NOT_FOUND:
            raise BillingError(f"Temporal at {config['target_host']} refuses: {error.message}") from None
        advice = "it is not the embedded one: set up .env" if namespace else "create it, or set TEMPORAL_NAMESPACE"
        raise BillingError(
            f"Temporal at {config['target_host']} has no namespace {client.namespace!r}; {advice}"
        ) from None
    except RuntimeError:
        raise BillingError(
            f"no Temporal server answers at {config['target_host']}; "
            "set TEMPORAL_ADDRESS, or start the embedded one with: python starter.py up"
        ) from None
    return client
