import pytest
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from google.rpc import code_pb2

from rotunda.customers.v1 import account_service_pb2, contact_points_pb2
from rotunda.kit.v1 import annotations_pb2, resource_pb2
from rotunda_kit.descriptors import behaviours, descriptor_of, enum_name, enum_prefix, json_path, rules, snake_path


def field(message: type[Message], name: str) -> FieldDescriptor:
    return descriptor_of(message).fields_by_name[name]


class TestBehaviours:
    def test_are_those_of_the_proto(self) -> None:
        assert behaviours(field(account_service_pb2.Account, "display_name")) == {"REQUIRED"}
        assert behaviours(field(account_service_pb2.Account, "create_time")) == {"OUTPUT_ONLY"}
        assert behaviours(field(account_service_pb2.Account, "industry")) == set()


class TestRules:
    def test_have_defaults(self) -> None:
        limits = rules(field(account_service_pb2.Account, "industry"))

        assert (limits.max_length, limits.max_items, limits.min, limits.max) == (255, 100, None, None)
        assert limits.format == annotations_pb2.FORMAT_TEXT
        assert limits.refers_to == ""

    def test_take_ids_for_uuids_unless_they_say_otherwise(self) -> None:
        assert rules(field(account_service_pb2.Account, "owner_id")).format == annotations_pb2.FORMAT_UUID
        assert rules(field(account_service_pb2.Account, "id")).format == annotations_pb2.FORMAT_UUID
        assert rules(field(resource_pb2.ExternalId, "id")).format == annotations_pb2.FORMAT_TEXT

    def test_are_those_of_the_proto(self) -> None:
        assert rules(field(account_service_pb2.Account, "founded_year")).max == 9999
        assert rules(field(account_service_pb2.Account, "description")).max_length == 10_000
        assert rules(field(contact_points_pb2.Phone, "number")).format == annotations_pb2.FORMAT_PHONE


class TestEnumNames:
    def test_lose_the_prefix_of_their_type(self) -> None:
        enum = account_service_pb2.AccountType.DESCRIPTOR

        assert enum_prefix(enum) == "ACCOUNT_TYPE_"
        assert [enum_name(value) for value in enum.values] == ["UNSPECIFIED", "COMPANY", "INDIVIDUAL"]

    def test_without_a_prefix_stay(self) -> None:
        assert enum_prefix(code_pb2.Code.DESCRIPTOR) == ""
        assert enum_name(code_pb2.Code.DESCRIPTOR.values_by_number[5]) == "NOT_FOUND"


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "camel"),
        [
            ("display_name", "displayName"),
            ("account.phones[1].area_code", "account.phones[1].areaCode"),
            ("labels[my_key].due_time", "labels[my_key].dueTime"),
            ("field_name_1", "fieldName1"),
            ("", ""),
        ],
    )
    def test_turn_into_camel_case_but_for_the_keys_of_the_caller(self, path: str, camel: str) -> None:
        assert json_path(path) == camel

    def test_turn_into_snake_case(self) -> None:
        assert snake_path("displayName") == "display_name"
        assert snake_path("price.currencyCode") == "price.currency_code"
        assert snake_path("*") == "*"
