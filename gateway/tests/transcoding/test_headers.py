import pytest

from rotunda_gateway.http.errors import UnsupportedMediaType
from rotunda_gateway.transcoding.headers import check_content, expected_etag, has_body, idempotency_key
from rotunda_kit.violations import Unfit


class TestIfMatch:
    @pytest.mark.parametrize(
        ("text", "etag"),
        [('"abc"', "abc"), ("abc", "abc"), ('W/"abc"', "abc"), (' "abc" ', "abc"), ("*", ""), ('"a=b/c+d"', "a=b/c+d")],
    )
    def test_an_etag_comes_quoted_or_not(self, text: str, etag: str) -> None:
        assert expected_etag(text) == etag

    @pytest.mark.parametrize("text", ["", '""', '"a", "b"', "a b", '"a', "é", '"a\x00"', "x" * 256, "W/"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(Unfit):
            expected_etag(text)


class TestIdempotencyKey:
    @pytest.mark.parametrize("text", ["x", "0198b4c0-0000-7000-8000-000000000000", "~" * 255])
    def test_a_key_is_printable_ascii(self, text: str) -> None:
        assert idempotency_key(text) == text

    @pytest.mark.parametrize("text", ["", "x" * 256, "a b", "é", "a\tb", "\x7f"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(Unfit):
            idempotency_key(text)


class TestContent:
    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"content-type": ""},
            {"content-type": "application/json"},
            {"content-type": "Application/JSON; Charset=UTF-8"},
            {"content-type": 'application/json; charset="utf-8"'},
            {"content-type": "application/merge-patch+json"},
            {"content-type": "application/json", "content-encoding": "identity"},
        ],
    )
    def test_json_in_utf_8_is_taken(self, headers: dict[str, str]) -> None:
        check_content(headers)

    @pytest.mark.parametrize(
        "headers",
        [
            {"content-type": "text/plain"},
            {"content-type": "application/x-www-form-urlencoded"},
            {"content-type": "application/jsonp"},
            {"content-type": "application/json; charset=latin-1"},
            {"content-type": ";"},
            {"content-encoding": "gzip"},
        ],
    )
    def test_anything_else_is_refused(self, headers: dict[str, str]) -> None:
        with pytest.raises(UnsupportedMediaType):
            check_content(headers)

    @pytest.mark.parametrize(
        ("headers", "expected"),
        [
            ({}, False),
            ({"content-length": "0"}, False),
            ({"content-length": "5"}, True),
            ({"transfer-encoding": "chunked"}, True),
        ],
    )
    def test_a_body_is_announced_by_its_headers(self, headers: dict[str, str], expected: bool) -> None:
        assert has_body(headers) is expected
