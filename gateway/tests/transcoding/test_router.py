from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_gateway.transcoding.router import Router
from rotunda_gateway.transcoding.routes import PathTemplate, Route, discover_routes

ANY = discover_routes()[0].method


def route(http_method: str, path: str) -> Route:
    return Route(ANY, http_method, PathTemplate.parse(path), "", "")


LIST = route("GET", "/v1/accounts")
CREATE = route("POST", "/v1/accounts")
BATCH = route("POST", "/v1/accounts:batchCreate")
GET = route("GET", "/v1/accounts/{id}")
DELETE = route("DELETE", "/v1/accounts/{id}")
MERGE = route("POST", "/v1/accounts/{id}:merge")
MINE = route("GET", "/v1/accounts/mine")
NOTES = route("GET", "/v1/accounts/{id}/notes")
MINE_CLAIMS = route("GET", "/v1/accounts/mine/claims")
ROUTER = Router([LIST, CREATE, BATCH, GET, DELETE, MERGE, MINE, NOTES, MINE_CLAIMS])


class TestFind:
    @pytest.mark.parametrize(
        ("http_method", "path", "expected"),
        [
            ("GET", b"/v1/accounts", (LIST, [])),
            ("POST", b"/v1/accounts", (CREATE, [])),
            ("POST", b"/v1/accounts:batchCreate", (BATCH, [])),
            ("GET", b"/v1/accounts/7", (GET, ["7"])),
            ("POST", b"/v1/accounts/7:merge", (MERGE, ["7"])),
            ("GET", b"/v1/accounts/7/notes", (NOTES, ["7"])),
            ("GET", b"/v1/%61ccounts/7", (GET, ["7"])),
        ],
    )
    def test_a_path_leads_to_its_route(self, http_method: str, path: bytes, expected: tuple[Route, list[str]]) -> None:
        assert ROUTER.find(http_method, path) == expected

    def test_a_literal_goes_before_a_variable(self) -> None:
        assert ROUTER.find("GET", b"/v1/accounts/mine") == (MINE, [])

    def test_where_the_literal_leads_nowhere_the_variable_is_tried(self) -> None:
        assert ROUTER.find("GET", b"/v1/accounts/mine/notes") == (NOTES, ["mine"])
        assert ROUTER.find("DELETE", b"/v1/accounts/mine") == (DELETE, ["mine"])

    @pytest.mark.parametrize(
        "path",
        [
            b"/", b"", b"/v1", b"/v1/", b"/v1/accounts/", b"/v1/accounts//notes", b"//v1/accounts", b"/v2/accounts",
            b"/v1/accounts/7/nothing", b"/v1/accounts/7/notes/8", b"/v1/accounts/7:nothing", b"/v1/accounts/7:",
            b"/v1/accounts:merge", b"/v1/accounts/7%2Fnotes/8",
        ],
    )  # fmt: skip
    def test_other_paths_lead_nowhere(self, path: bytes) -> None:
        for http_method in ("GET", "POST", "DELETE"):
            assert ROUTER.find(http_method, path) is None

    def test_an_encoded_colon_is_part_of_the_id(self) -> None:
        assert ROUTER.find("GET", b"/v1/accounts/7%3Amerge") == (GET, ["7:merge"])

    def test_an_encoded_slash_stays_inside_of_its_segment(self) -> None:
        assert ROUTER.find("GET", b"/v1/accounts/a%2Fb/notes") == (NOTES, ["a/b"])

    def test_a_path_that_is_no_utf_8_is_an_error(self) -> None:
        for path in (b"/v1/accounts/%ff", b"/v1/accounts/\xff"):
            with pytest.raises(UnicodeDecodeError):
                ROUTER.find("GET", path)

    @given(st.text(min_size=1).filter(lambda text: text != "mine"))
    def test_any_text_comes_through_as_an_id(self, text: str) -> None:
        found = ROUTER.find("GET", f"/v1/accounts/{quote(text, safe='')}".encode())
        assert found == (GET, [text])


class TestAllowed:
    def test_a_path_tells_the_methods_of_all_its_routes(self) -> None:
        assert ROUTER.allowed(b"/v1/accounts") == {"GET", "POST"}
        assert ROUTER.allowed(b"/v1/accounts/mine") == {"GET", "DELETE"}
        assert ROUTER.allowed(b"/v1/nothing") == set()


class TestConflicts:
    def test_two_routes_cannot_be_the_same(self) -> None:
        with pytest.raises(ValueError, match="the same GET path"):
            Router([GET, route("GET", "/v1/accounts/{account_id}")])
