"""Whatever is sent, the answer is one of the protocol's."""

from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .conftest import PROVISIONING, Api, SignIn
from .payloads import ERROR, group, patch, user

GROUP_NAMES = st.sampled_from(["members", "displayName", "externalId", "id", "meta", "schemas", "active"])
USER_NAMES = st.sampled_from(
    ["userName", "emails", "name", "name.formatted", "active", "password", "groups", "timezone", "externalId", "title"]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(USER_NAMES | GROUP_NAMES | st.text(max_size=9) | st.just("value"), inner, max_size=4)
    ),
    max_leaves=12,
)
PATHS = (
    USER_NAMES
    | GROUP_NAMES
    | st.text(max_size=30)
    | st.builds(
        "{}[{} {} {}]{}".format, USER_NAMES | GROUP_NAMES, *[st.sampled_from(["value", "eq", '"x"', "pr", ""])] * 4
    )
)
OPERATIONS = st.fixed_dictionaries(
    {"op": st.sampled_from(["add", "Replace", "remove", "jump"])}, optional={"path": PATHS, "value": JSON}
)
FILTERS = st.lists(
    st.sampled_from(
        ["userName", "eq", "co", '"a*"', '"\\\\"', "and", "or", "not", "(", ")", "[", "]", "emails", "true", "null",
         "pr", "meta.created", "gt", '"2020-01-01T00:00:00Z"', "externalId", "members", "id", "active", "1"]
    ),
    max_size=9,
).map(" ".join) | st.text(max_size=30)  # fmt: skip


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path", "status"),
        [
            ("GET", "", 404),
            ("GET", "Nothing", 404),
            ("POST", "Bulk", 404),
            ("GET", "Users/x/y", 404),
            ("GET", "Users/x", 404),
            ("GET", "Schemas/x", 404),
            ("GET", "ResourceTypes/x", 404),
            ("DELETE", "Users", 405),
            ("PUT", "ServiceProviderConfig", 405),
            ("GET", "Schemas?filter=id pr", 403),
        ],
    )
    async def test_what_there_is_not(self, scim: Api, method: str, path: str, status: int) -> None:
        await scim.ask(method, path, status=status)

    async def test_nobody(self, scim: Api) -> None:
        for path in ("Users", "Schemas", "ServiceProviderConfig"):
            answer = await scim.client.get(f"/scim/v2/{path}", headers={"authorization": ""})
            assert answer.status_code == 401
            assert answer.headers["content-type"] == "application/scim+json"
            assert answer.headers["www-authenticate"] == "Bearer"
            assert answer.json()["schemas"] == [ERROR]

    async def test_someone_who_may_not(self, sign_in: SignIn, unique: str) -> None:
        nobody = Api(await sign_in())
        await nobody.ask("GET", "Users", status=403)
        await nobody.ask("POST", "Users", user(unique), status=403)
        await nobody.ask("POST", "Groups", group(unique), status=403)

    async def test_an_identity_provider_makes_no_administrators(self, sign_in: SignIn, scim: Api, unique: str) -> None:
        administrator = f"{PROVISIONING[:-1]}1"
        client = await sign_in(administrator)
        made = (await client.post("/v1/groups", json={"displayName": unique, "roleIds": [administrator]})).json()
        [ada] = await scim.users(1, unique)
        operation = patch({"op": "add", "path": "members", "value": [{"value": ada}]})
        await scim.ask("PATCH", f"Groups/{made['id']}", operation, status=403)
        assert await scim.members(made["id"]) == set()

    @pytest.mark.parametrize(
        ("body", "headers", "status", "scim_type"),
        [
            (b"{", {}, 400, "invalidSyntax"),
            (b"[]", {}, 400, "invalidSyntax"),
            (b"", {}, 400, "invalidSyntax"),
            (b"\xff", {}, 400, "invalidSyntax"),
            (b"[" * 900 + b"]" * 900, {}, 400, "invalidSyntax"),
            (b"{}", {"content-type": "text/xml"}, 415, None),
            (b"{}", {"content-encoding": "gzip"}, 415, None),
            (b" " * 1_000_001, {}, 413, None),
            (b'{"userName": "a", "schemas": ["x"]}', {}, 400, None),
        ],
    )
    async def test_bodies_that_can_not_be_read(
        self, scim: Api, body: bytes, headers: dict[str, str], status: int, scim_type: str | None
    ) -> None:
        answer = await scim.client.post(
            "/scim/v2/Users", content=body, headers={"content-type": "application/scim+json", **headers}
        )
        assert answer.status_code == status
        assert answer.headers["content-type"] == "application/scim+json"
        assert scim_type in (None, answer.json().get("scimType"))

    async def test_what_nests_too_deeply(self, scim: Api) -> None:
        deep = {"filter": "not (" * 50_000 + "active eq true" + ")" * 50_000}
        await scim.ask("POST", "Users/.search", deep, status=400)
        deeper = b'{"schemas": [], "userName": "a", "emails": ' + b'[{"value": ' * 400 + b"1" + b"}]" * 400 + b"}"
        answer = await scim.client.post("/scim/v2/Users", content=deeper)
        assert answer.status_code == 400

    async def test_a_wrong_version(self, scim: Api, unique: str) -> None:
        created = await scim.create("Users", user(unique))
        await scim.ask("DELETE", f"Users/{created['id']}", headers={"if-match": '"1", "2"'}, status=400)


# The targets may stay as they are from one example to the next.
examples = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


class TestWhateverIsSent:
    @examples
    @given(content=JSON, name=st.text(max_size=10))
    async def test_as_a_new_user(self, scim: Api, content: Any, name: str) -> None:
        body = {**user(name), **content} if isinstance(content, dict) else content
        _check(await scim.client.post("/scim/v2/Users", json=body))

    @examples
    @given(content=JSON)
    async def test_as_a_new_group(self, scim: Api, content: Any) -> None:
        body = {**group("a"), **content} if isinstance(content, dict) else content
        _check(await scim.client.post("/scim/v2/Groups", json=body))

    @examples
    @given(operations=st.lists(OPERATIONS, max_size=3))
    async def test_as_a_patch(self, scim: Api, targets: list[str], operations: list[Any]) -> None:
        for target in targets:
            _check(await scim.client.patch(f"/scim/v2/{target}", json=patch(*operations)))

    @examples
    @given(condition=FILTERS)
    async def test_as_a_filter(self, scim: Api, condition: str) -> None:
        for kind in ("Users", "Groups"):
            _check(await scim.client.get(f"/scim/v2/{kind}", params={"filter": condition, "count": "1"}))

    @examples
    @given(parameters=st.dictionaries(
        st.sampled_from(["startIndex", "count", "sortBy", "sortOrder", "attributes", "excludedAttributes", "cursor"]),
        st.text(max_size=9) | st.integers().map(str) | USER_NAMES,
    ))  # fmt: skip
    async def test_as_parameters(self, scim: Api, parameters: dict[str, str]) -> None:
        _check(await scim.client.get("/scim/v2/Users", params=parameters))

    @examples
    @given(text=st.text(min_size=1, max_size=20))
    async def test_as_a_path(self, scim: Api, text: str) -> None:
        _check(await scim.client.get(f"/scim/v2/Users/{httpx.QueryParams({'': text})}".replace("/=", "/")))


def _check(answer: httpx.Response) -> None:
    assert answer.status_code < 500, answer.text
    if answer.content:
        assert answer.headers["content-type"] == "application/scim+json"
        assert (answer.json()["schemas"] == [ERROR]) is (answer.status_code >= 400)


@pytest.fixture
async def targets(scim: Api, unique: str) -> list[str]:
    made = await scim.create("Users", user(unique))
    return [f"Users/{made['id']}", f"Groups/{(await scim.create('Groups', group(unique)))['id']}"]
