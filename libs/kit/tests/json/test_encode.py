from types import SimpleNamespace

import pytest
from google.protobuf import any_pb2

from rotunda_kit.json import encoder, fields_left_out


class TestEncoder:
    def test_writes_what_is_never_unset_even_when_empty(self, pb: SimpleNamespace) -> None:
        encoded = encoder(pb.Guarded)(pb.Guarded())

        assert encoded == {"id": "", "displayName": "", "members": []}

    def test_writes_enum_values_without_the_prefix_of_their_type(self, pb: SimpleNamespace) -> None:
        encoded = encoder(pb.Sample)(pb.Sample(colour="COLOUR_KIND_DARK_GREEN", colours=[0, 1], plain="SOME"))

        assert encoded["colour"] == "DARK_GREEN"
        assert encoded["colours"] == ["UNSPECIFIED", "RED"]
        assert encoded["plain"] == "SOME"

    def test_writes_an_unknown_enum_number_as_the_number(self, pb: SimpleNamespace) -> None:
        assert encoder(pb.Sample)(pb.Sample(colour=99))["colour"] == 99

    def test_leaves_out_what_is_for_input_only(self, pb: SimpleNamespace) -> None:
        secret = pb.Guarded(password="hunter2", members=[pb.Guarded(password="hunter3")])

        encoded = encoder(pb.Guarded)(secret)

        assert "hunter" not in str(encoded)
        assert fields_left_out(pb.Guarded.DESCRIPTOR) == {"password"}

    def test_gives_every_answer_lists_of_its_own(self, pb: SimpleNamespace) -> None:
        encode = encoder(pb.Sample)
        encode(pb.Sample())["texts"].append("mine")

        assert encode(pb.Sample())["texts"] == []

    def test_puts_the_type_of_an_any_first(self, pb: SimpleNamespace) -> None:
        message = pb.Sample()
        message.any.Pack(pb.Part(label="x"))

        encoded = encoder(pb.Sample)(message)["any"]

        assert list(encoded) == ["@type", "label", "partCount"]

    def test_says_which_type_of_an_any_is_not_known_here(self, pb: SimpleNamespace) -> None:
        message = pb.Sample(any=any_pb2.Any(type_url="type.googleapis.com/no.such.Type", value=b"x"))

        with pytest.raises(ValueError, match=r"no\.such\.Type"):
            encoder(pb.Sample)(message)

    @pytest.mark.parametrize(("seconds", "nanos"), [(-62_135_596_801, 0), (253_402_300_800, 0), (0, -1), (0, 10**9)])
    def test_refuses_a_time_that_json_cannot_say(self, pb: SimpleNamespace, seconds: int, nanos: int) -> None:
        message = pb.Sample()
        message.start_time.seconds, message.start_time.nanos = seconds, nanos

        with pytest.raises(ValueError, match=r"years 1 to 9999|nanoseconds"):
            encoder(pb.Sample)(message)

    def test_refuses_a_nan_inside_of_a_struct(self, pb: SimpleNamespace) -> None:
        message = pb.Sample()
        message.attributes["ratio"] = float("nan")

        with pytest.raises(ValueError, match="NaN"):
            encoder(pb.Sample)(message)
