"""What can be wrong with a request before it means anything."""

from collections.abc import Iterable

from rotunda_kit.errors import InvalidArgument, NotFound, ResourceExhausted, RotundaError


class RouteNotFound(NotFound):
    """Nothing lives at this path."""

    def __init__(self) -> None:
        super().__init__("ROUTE_NOT_FOUND", "Nothing lives at this path.")


class MethodNotAllowed(RotundaError):  # noqa: N818 - named as the kit's errors are
    """Something lives at this path, but not for this HTTP method."""

    code = "UNIMPLEMENTED"
    http_status = 405

    def __init__(self, allowed: Iterable[str]) -> None:
        self.allow = ", ".join(sorted(allowed))
        super().__init__("METHOD_NOT_ALLOWED", f"This path takes {self.allow}.", {"allow": self.allow})


class BodyTooLarge(InvalidArgument):
    """The body has more bytes than a request may have."""

    http_status = 413

    def __init__(self, limit: int) -> None:
        super().__init__([], "BODY_TOO_LARGE", f"The body is larger than {limit} bytes.", {"limit": str(limit)})


class UnsupportedMediaType(InvalidArgument):
    """The body is not JSON in UTF-8."""

    http_status = 415

    def __init__(self, detail: str) -> None:
        super().__init__([], "UNSUPPORTED_MEDIA_TYPE", detail)


class InvalidJson(InvalidArgument):
    """The body cannot be read as JSON."""

    def __init__(self, detail: str, line: int, column: int) -> None:
        super().__init__([], "INVALID_JSON", detail, {"line": str(line), "column": str(column)})


class TooManyRequests(ResourceExhausted):
    """A caller sends more than he may; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            "RATE_LIMITED",
            f"Too many requests. The next one is taken in {retry_after} s.",
            {"retryAfter": str(retry_after)},
        )


class TooManyAttempts(ResourceExhausted):
    """Someone failed too often to prove who he is; `retry_after` in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(
            "SIGN_IN_THROTTLED", "Too many attempts failed. Try again later.", {"retryAfter": str(retry_after)}
        )


class TooManyStreams(ResourceExhausted):
    """A user reads more streams at a time than he may."""

    def __init__(self, most: int) -> None:
        super().__init__(
            "TOO_MANY_STREAMS", f"You read {most} streams already. End one of them first.", {"most": str(most)}
        )
