from rotunda_gateway.access.roles.catalogue import catalogue
from rotunda_gateway.stream.changes import change_of, nouns
from rotunda_kit.events.envelope import headers_of
from rotunda_kit.events.republish import RESTATED
from rotunda_kit.model import new_id, now


def headers(noun: str, verb: str) -> dict[str, str]:
    return headers_of(
        {
            "event_id": new_id(),
            "noun": noun,
            "verb": verb,
            "aggregate_id": new_id(),
            "aggregate_version": 3,
            "time": now(),
            "actor": "someone",
            "traceparent": "",
        }
    )


class TestNouns:
    def test_each_is_a_resource_that_roles_are_about(self) -> None:
        resources = catalogue()
        for name, noun in nouns().items():
            assert "read" in resources[noun.reading.resource].actions
            assert resources[noun.reading.resource].owned == noun.owned, name

    def test_there_are_some_of_every_service(self) -> None:
        services = {"customers", "sales", "service_desk", "marketing", "sync", "access"}
        assert {name.partition(".")[0] for name in nouns()} == services


class TestChange:
    def test_a_state_that_is_only_told_again_is_none(self) -> None:
        assert change_of(headers("sales.opportunity", RESTATED), 1) is None

    def test_what_no_service_of_this_release_has_is_none(self) -> None:
        assert change_of(headers("sales.spaceship", "launched"), 1) is None

    def test_what_is_no_event_is_none(self) -> None:
        told = headers("sales.opportunity", "won")
        assert change_of(told, 1) is not None
        assert change_of({}, 1) is None
        for name in ("ce-id", "ce-subject", "ce-time", "ce-aggregateversion", "ce-type"):
            assert change_of({**told, name: "nonsense"}, 1) is None
            assert change_of({key: value for key, value in told.items() if key != name}, 1) is None

    def test_others_are_told_with_their_record(self) -> None:
        told = headers("sales.opportunity", "won")
        change = change_of(told, 7)
        assert change is not None
        assert (change.seq, change.noun_name, change.type) == (7, "sales.opportunity", "sales.opportunity.won")
        assert change.record_id == told["ce-subject"]
