from collections.abc import Mapping
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_kit.model import new_id
from rotunda_sync.messages.model import Message, MessageDirection

ABOUT = ("account_id", "contact_id", "opportunity_id", "ticket_id")


def new_message() -> Message:
    return Message(
        mailbox_id=new_id(),
        direction=MessageDirection.INBOUND,
        source="From: ada@example.com\n\n",
        source_digest=b"",
        display_name="",
        from_address="ada@example.com",
        from_name=None,
        to_addresses=[],
        cc_addresses=[],
        sent_time=None,
        message_id=None,
        in_reply_to=None,
        snippet="",
        size_bytes=23,
        attachment_count=0,
    )


class TestAssign:
    @pytest.mark.parametrize("name", ABOUT)
    def test_it_is_about_one_record_of_a_kind(self, name: str) -> None:
        message, first, second = new_message(), new_id(), new_id()
        assert message.assign({name: first})
        assert message.assign({name: second})
        assert {other: getattr(message, other) for other in ABOUT} == dict.fromkeys(ABOUT) | {name: second}

    def test_the_same_again_is_no_news(self) -> None:
        message, records = new_message(), {"account_id": new_id(), "ticket_id": new_id()}
        assert message.assign(records)
        assert not message.assign(records)
        assert [change.verb for change in message.changes()] == ["assigned"]

    @given(st.lists(st.dictionaries(st.sampled_from(ABOUT), st.uuids(), min_size=1)))
    def test_the_last_word_on_each_counts(self, assignments: list[Mapping[str, UUID]]) -> None:
        message = new_message()
        last: dict[str, UUID | None] = dict.fromkeys(ABOUT)
        news = 0
        for records in assignments:
            news += message.assign(records)
            last |= records
        assert {name: getattr(message, name) for name in ABOUT} == last
        assert len(message.changes()) == news
