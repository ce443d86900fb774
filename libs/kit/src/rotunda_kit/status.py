"""Between the product's errors and `google.rpc.Status`, which carries them through gRPC."""

from google.protobuf import any_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2

from rotunda.kit.v1 import resource_pb2
from rotunda_kit import errors
from rotunda_kit.descriptors import json_path
from rotunda_kit.errors import FieldViolation, RotundaError

STATUS_METADATA = "grpc-status-details-bin"
DOMAIN = "rotunda"

_BY_REASON: dict[str, type[RotundaError]] = {
    "ETAG_MISMATCH": errors.EtagMismatch,
    "OVERLOADED": errors.Overloaded,
    "IDEMPOTENCY_KEY_REUSED": errors.IdempotencyKeyReused,
}
_BY_CODE: dict[str, type[RotundaError]] = {
    cls.code: cls
    for cls in (
        errors.InvalidArgument,
        errors.Unauthenticated,
        errors.PermissionDenied,
        errors.NotFound,
        errors.Conflict,
        errors.AlreadyExists,
        errors.FailedPrecondition,
        errors.ResourceExhausted,
        errors.Unavailable,
        errors.DeadlineExceeded,
        errors.Internal,
    )
}


def to_status(error: RotundaError) -> status_pb2.Status:
    """As gRPC carries it, with ErrorInfo and BadRequest."""
    details = [any_pb2.Any()]
    details[0].Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))
    if error.violations:
        bad = any_pb2.Any()
        bad.Pack(
            error_details_pb2.BadRequest(
                field_violations=[{"field": v.field, "description": v.description} for v in error.violations]
            )
        )
        details.append(bad)
    code = code_pb2.Code.Value(error.code)
    return status_pb2.Status(code=code, message=error.detail, details=details)


def from_status(status: status_pb2.Status) -> RotundaError:
    """The error again, of the same class."""
    info = error_details_pb2.ErrorInfo()
    bad = error_details_pb2.BadRequest()
    for detail in status.details:
        if not detail.Unpack(info):
            detail.Unpack(bad)
    cls = _BY_REASON.get(info.reason) or _BY_CODE.get(code_pb2.Code.Name(status.code), errors.Internal)
    error: RotundaError = cls.__new__(cls)  # the classes differ in how they are made
    RotundaError.__init__(error, info.reason or "UNKNOWN", status.message, dict(info.metadata))
    return error.at(*(FieldViolation(v.field, v.description) for v in bad.field_violations))


def problem(error: RotundaError, prefix: str = "") -> resource_pb2.Problem:
    """The error of one item of a batch; fields are named as JSON names them, from the item on."""
    return resource_pb2.Problem(
        status=error.http_status,
        code=error.code,
        reason=error.reason,
        detail=error.detail,
        errors=[
            {"field": json_path(v.field.removeprefix(prefix)), "description": v.description} for v in error.violations
        ],
    )
