import pytest
from google.api import annotations_pb2
from google.protobuf import descriptor_pb2, descriptor_pool, text_format
from google.protobuf.descriptor import FileDescriptor, MethodDescriptor

from rotunda_gateway.transcoding.query import query_parameters
from rotunda_gateway.transcoding.routes import PathTemplate, Route, declared_methods, routes_of


def find(routes: list[Route], name: str) -> Route:
    return next(route for route in routes if route.method.name == name)


class TestPathTemplates:
    def test_a_template_is_split_into_literals_variables_and_a_verb(self) -> None:
        template = PathTemplate.parse("/v1/campaigns/{member.campaign_id}/members/{member.id}:resend")
        assert template.segments == ("v1", "campaigns", None, "members", None)
        assert template.variables == ("member.campaign_id", "member.id")
        assert template.verb == "resend"

    def test_callers_know_variables_by_the_name_of_the_field(self) -> None:
        template = PathTemplate.parse("/v1/campaigns/{member.campaign_id}/members/{member.id}")
        assert template.parameters() == ("campaignId", "id")

    def test_a_template_is_filled_in(self) -> None:
        assert PathTemplate.parse("/v1/accounts/{id}:merge").fill(["7"]) == "/v1/accounts/7:merge"
        assert PathTemplate.parse("/v1/accounts").fill([]) == "/v1/accounts"

    @pytest.mark.parametrize(
        "text",
        ["v1/accounts", "/v1/{name=shelves/*}", "/v1/{name=**}", "/v1/*", "/v1/a b", "/v1//x", "/v1/{Id}", "/v1/"],
    )
    def test_forms_that_are_not_served_are_refused_at_start(self, text: str) -> None:
        with pytest.raises(ValueError, match=r"a segment is|begins with"):
            PathTemplate.parse(text)


class TestDiscovery:
    def test_every_annotated_method_of_the_protos_has_a_route(self, routes: list[Route]) -> None:
        annotated = {
            method.full_name for method in declared_methods() if method.GetOptions().HasExtension(annotations_pb2.http)
        }
        assert annotated == {route.method.full_name for route in routes}
        assert len(annotated) > 80

    def test_methods_between_services_have_none(self, routes: list[Route]) -> None:
        names = [method.name for method in declared_methods()]
        assert "BatchGetOverviews" in names
        assert "BatchGetOverviews" not in {route.method.name for route in routes}

    def test_a_route_knows_what_its_method_maps(self, routes: list[Route]) -> None:
        update = find(routes, "UpdateAccount")
        assert update.http_method == "PATCH"
        assert update.content.full_name == "rotunda.customers.v1.Account"
        assert update.answer.full_name == "rotunda.customers.v1.Account"
        assert (update.request_id_path, update.etag_path, update.mask_path) == (
            "request_id",
            "account.etag",
            "update_mask",
        )
        win = find(routes, "WinOpportunity")
        assert (win.content.name, win.etag_path, win.mask_path) == ("WinOpportunityRequest", "etag", "")
        get = find(routes, "GetAccount")
        assert (get.request_id_path, get.etag_path, get.writes, get.creates) == ("", "", False, False)

    def test_only_a_standard_create_creates(self, routes: list[Route]) -> None:
        assert find(routes, "CreateAccount").creates
        assert not find(routes, "BatchCreateAccounts").creates
        assert not find(routes, "WinOpportunity").creates

    def test_additional_bindings_are_routes_too(self, readings: FileDescriptor) -> None:
        found = routes_of(readings.services_by_name["ReadingService"].methods)
        assert [(route.http_method, route.path.fill(["m"])) for route in found] == [
            ("GET", "/v1/readings"),
            ("GET", "/v1/meters/m/readings"),
            ("POST", "/v1/readings:list"),
        ]

    def test_query_parameters_are_what_neither_path_nor_body_takes(self, readings: FileDescriptor) -> None:
        plain, of_meter, listing = routes_of(readings.services_by_name["ReadingService"].methods)
        shared = {"kinds", "withGaps", "least", "readMask", "dayCounts"}
        period = {"period.startTime", "period.dayCount"}
        assert {parameter.name for parameter in query_parameters(plain)} == shared | period | {"meter"}
        assert {parameter.name for parameter in query_parameters(of_meter)} == shared | period
        assert {parameter.name for parameter in query_parameters(listing)} == shared | {"meter"}


def declare(rule: str) -> MethodDescriptor:
    """A method with this annotation, over the messages of accounts."""
    file = text_format.Parse(
        f"""
        name: "rotunda_tests/faulty.proto" package: "rotunda_tests.faulty" syntax: "proto3"
        dependency: "google/api/annotations.proto" dependency: "rotunda/customers/v1/account_service.proto"
        service {{
          name: "FaultyService"
          method {{
            name: "Faulty"
            input_type: ".rotunda.customers.v1.UpdateAccountRequest"
            output_type: ".rotunda.customers.v1.UpdateAccountResponse"
            options {{ [google.api.http] {{ {rule} }} }}
          }}
        }}
        """,
        descriptor_pb2.FileDescriptorProto(),
    )
    known = descriptor_pool.Default()
    pool = descriptor_pool.DescriptorPool()

    def copy(name: str) -> None:
        packed = descriptor_pb2.FileDescriptorProto()
        known.FindFileByName(name).CopyToProto(packed)
        for dependency in packed.dependency:
            copy(dependency)
        pool.Add(packed)

    copy("google/api/annotations.proto")
    copy("rotunda/customers/v1/account_service.proto")
    pool.Add(file)
    return pool.FindMethodByName("rotunda_tests.faulty.FaultyService.Faulty")


class TestFaultyAnnotations:
    @pytest.mark.parametrize(
        ("rule", "message"),
        [
            ('get: "/v1/x/{nothing}"', "no field of the request"),
            ('get: "/v1/x/{account.nothing}"', "no field of the request"),
            ('get: "/v1/x/{request_id.id}"', "no field of the request"),
            ('get: "/v1/x/{account}"', "no single value"),
            ('get: "/v1/x/{account.phones}"', "no single value"),
            ('get: "/v1/x" body: "*"', "takes no body"),
            ('post: "/v1/x" body: "request_id"', "no field of UpdateAccountRequest that holds one message"),
            ('post: "/v1/x" body: "nothing"', "no field of UpdateAccountRequest that holds one message"),
            ('post: "/v1/x" body: "*" response_body: "nothing"', "no field of UpdateAccountResponse"),
            ('custom { kind: "LINK" path: "/v1/x" }', "no plain HTTP method"),
            ('post: "/v1/{account=x/*}"', "a segment is"),
        ],
    )
    def test_a_faulty_annotation_stops_the_start(self, rule: str, message: str) -> None:
        with pytest.raises(ValueError, match=message) as raised:
            routes_of([declare(rule)])
        assert "FaultyService.Faulty" in str(raised.value)

    def test_a_sound_one_does_not(self) -> None:
        assert len(routes_of([declare('patch: "/v1/x/{account.id}" body: "account" response_body: "account"')])) == 1
