"""Whether a program works: asked over the wire, as a cluster would."""

import http.client

import grpc
from grpc_health.v1 import health_pb2

from rotunda_local.ports import HOST

CHECK = "/grpc.health.v1.Health/Check"
TIMEOUT = 2.0


def grpc_problem(port: int) -> str:
    """Why the gRPC server at this port does not serve; empty if it does."""
    # A proxy for the world outside does not know this machine's ports.
    with grpc.insecure_channel(f"{HOST}:{port}", options=[("grpc.enable_http_proxy", 0)]) as channel:
        check = channel.unary_unary(
            CHECK,
            request_serializer=health_pb2.HealthCheckRequest.SerializeToString,
            response_deserializer=health_pb2.HealthCheckResponse.FromString,
        )
        try:
            status = check(health_pb2.HealthCheckRequest(), timeout=TIMEOUT).status
        except grpc.RpcError as error:
            return f"gRPC port {port}: {error.code().name}"
    if status == health_pb2.HealthCheckResponse.SERVING:
        return ""
    return f"gRPC port {port}: {health_pb2.HealthCheckResponse.ServingStatus.Name(status)}"


def http_problem(port: int) -> str:
    """Why the HTTP server at this port is not ready; empty if it is."""
    connection = http.client.HTTPConnection(HOST, port, timeout=TIMEOUT)
    try:
        connection.request("GET", "/readyz")
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"HTTP port {port}: {type(error).__name__}"
    finally:
        connection.close()
    return "" if status == http.client.OK else f"HTTP port {port}: /readyz answers {status}"
