from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_gateway.http.body import ClientDisconnected, read_body
from rotunda_gateway.http.errors import BodyTooLarge


def receiving(chunks: Iterable[bytes], *, ends: bool = True) -> Any:
    parts = list(chunks)
    messages: list[dict[str, Any]] = [
        {"type": "http.request", "body": part, "more_body": not ends or number < len(parts) - 1}
        for number, part in enumerate(parts)
    ]
    messages.append({"type": "http.disconnect"})
    remaining = iter(messages)

    async def receive() -> Any:
        return next(remaining)

    return receive


class TestReading:
    @given(st.lists(st.binary(max_size=20), min_size=1, max_size=5))
    async def test_chunks_are_put_together(self, chunks: list[bytes]) -> None:
        assert await read_body(receiving(chunks), None, limit=100) == b"".join(chunks)

    @pytest.mark.parametrize("chunks", [[b"x" * 11], [b"x" * 6, b"x" * 5], [b"x"] * 11])
    async def test_more_than_the_limit_is_refused(self, chunks: list[bytes]) -> None:
        with pytest.raises(BodyTooLarge):
            await read_body(receiving(chunks), None, limit=10)

    async def test_a_length_over_the_limit_is_refused_unread(self) -> None:
        async def receive() -> Any:
            raise AssertionError

        with pytest.raises(BodyTooLarge):
            await read_body(receive, "11", limit=10)

    @pytest.mark.parametrize("chunks", [[], [b"x"], [b"x", b"y"]])
    async def test_a_client_that_leaves_is_not_waited_for(self, chunks: list[bytes]) -> None:
        with pytest.raises(ClientDisconnected):
            await read_body(receiving(chunks, ends=False), "5", limit=10)
