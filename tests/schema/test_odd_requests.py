"""Requests as no client library writes them: whatever comes, the answer is one that a program can read."""

import asyncio
import json
import os
from dataclasses import dataclass

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rotunda_local.platform import Platform

from .test_document import EXTENT_VARIABLE

EXAMPLES = 3_000 if os.environ.get(EXTENT_VARIABLE) == "full" else 150
RECORD = "/v1/accounts/0192f7c0-0000-7000-8000-000000000000"
PATHS = [
    "/v1/accounts",
    RECORD,
    f"{RECORD}:merge",
    f"{RECORD}/360",
    "/v1/accounts:batchCreate",
    "/v1/me",
    "/v1/auth/token",
]
METHODS = ["GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "get"]
# Anything but what would begin another line.
TEXT = st.binary(max_size=60).map(lambda text: text.translate(None, b"\r\n"))
ESCAPED = st.binary(max_size=12).map(lambda text: b"".join(b"%%%02X" % byte for byte in text))
NAMES = [
    *(b"Idempotency-Key", b"If-Match", b"If-None-Match", b"Content-Type", b"Content-Encoding", b"Accept"),
    *(b"traceparent", b"Expect", b"Range", b"X-Forwarded-For", b"X-HTTP-Method-Override", b"Cookie", b"Upgrade"),
]
VALUES = [
    b"",
    b"*",
    b'"1"',
    b'W/"1"',
    b"application/json",
    b"text/plain; charset=utf-7",
    b"gzip",
    b"100-continue",
    b"bytes=0-",
]
# Bytes that a server takes in before anyone asks for them.
UNREAD = 60_000
DEEP = b'{"metadata":' * 2_000 + b"1" + b"}" * 2_000
BODIES = [
    *(b"", b"null", b"[]", b"{}", b'"', DEEP, b"[" * 100_000, b"\xff\xfe{\x00}\x00", b'{"displayName": "\\ud800"}'),
    *(b'{"displayName": "\\u0000"}', b'{"employeeCount": 1e999}', b'{"employeeCount": ' + b"9" * 5_000 + b"}"),
    *(b'{"displayName": "a", "displayName": "b"}', b'{"__proto__": {}}', b"\x00" * 100, b"{}{}", b"NaN"),
]


@dataclass(frozen=True)
class Request:
    method: str
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    # Whether the length is told beforehand.
    chunked: bool

    def encoded(self, token: str) -> bytes:
        lines = [f"{self.method} ".encode() + self.target + b" HTTP/1.1", b"Host: 127.0.0.1", b"Connection: close"]
        lines += [b"Authorization: Bearer " + token.encode()]
        lines += [name + b": " + value for name, value in self.headers]
        if self.chunked:
            chunk = b"%x\r\n%s\r\n" % (len(self.body), self.body) if self.body else b""
            return b"\r\n".join([*lines, b"Transfer-Encoding: chunked", b"", chunk + b"0\r\n\r\n"])
        return b"\r\n".join([*lines, b"Content-Length: %d" % len(self.body), b"", self.body])


TARGETS = st.one_of(
    st.sampled_from(PATHS).map(str.encode),
    st.builds(lambda path, end: path.encode() + b"/" + end, st.sampled_from(PATHS), ESCAPED),
    st.builds(
        lambda path, name, value, times: path.encode() + b"?" + b"&".join([name + b"=" + value] * times),
        st.sampled_from(PATHS),
        st.sampled_from([b"filter", b"orderBy", b"pageSize", b"pageToken", b"updateMask", b"%00", b""]),
        ESCAPED | st.sampled_from([b"-1", b"1" * 400, b"displayName%20%3D%20%22a%22", b"%22"]),
        st.integers(1, 3),
    ),
    st.sampled_from(
        [b"*", b"//", b"/%2e%2e/v1/me", b"http://elsewhere.example/v1/me", b"/v1/accounts%00", b"/v1/\xff"]
    ),
)
REQUESTS = st.builds(
    Request,
    st.sampled_from(METHODS),
    TARGETS,
    st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES) | TEXT), max_size=4).map(tuple),
    st.sampled_from(BODIES) | st.binary(max_size=200),
    st.booleans(),
)


async def exchange(port: int, request: bytes) -> bytes:
    """All that is answered until the connection is closed."""
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(request)
            answer = b""
            try:
                while part := await reader.read(65_536):
                    answer += part
            except ConnectionResetError:
                # Who closes without reading a body may take his answer back with it (RFC 9112, 9.6).
                pass
            return answer
        finally:
            writer.close()


class TestOddRequest:
    @settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
    @given(request_=REQUESTS)
    def test_is_answered_as_a_program_can_read_it(self, platform: Platform, token: str, request_: Request) -> None:
        answer = asyncio.run(exchange(platform.ports["gateway"], request_.encoded(token)))
        if not answer:
            assert len(request_.body) > UNREAD
            return
        # Whoever says that he waits for it is told to go on.
        head, _, body = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
        status_line, *lines = head.decode("latin-1").split("\r\n")
        status = int(status_line.split()[1])
        assert status < 500, answer[:2000]
        if status >= 400 and request_.method != "HEAD":
            assert "content-type: application/problem+json" in [line.lower() for line in lines], answer[:2000]
            assert json.loads(body)["status"] == status
