"""One list out of the lists of many services, newest first, page by page.

A page's token says for each service how far its own list was shown. Services answer with a token for after each entry
(`row_tokens`), so a list goes on where it was cut, however many entries came meanwhile.
"""

import base64
import binascii
import hashlib
import heapq
import json
from collections.abc import Mapping, Sequence
from typing import Any

from rotunda_kit.errors import InvalidArgument
from rotunda_kit.listing.page import DEFAULT_SIZE, MAX_SIZE

# By which field a list is merged: the first that its entries have.
_TIMES = ("time", "create_time")


class MergedList:
    """One page of a list that goes over services.

    Args:
        request: of the list, with `filter`, `page_size` and `page_token`.
        services: that are asked.

    Raises:
        InvalidArgument: INVALID_PAGE_TOKEN.
    """

    def __init__(self, request: Any, services: Sequence[str]) -> None:
        self._request = request
        if request.page_size < 0:
            raise InvalidArgument.of("page_size", "must not be negative")
        self._size = min(request.page_size or DEFAULT_SIZE, MAX_SIZE)
        self._digest = hashlib.sha256(request.filter.strip().encode()).hexdigest()[:16]
        # None: shown to its end.
        self._tokens: dict[str, str | None] = dict.fromkeys(services, "")
        if request.page_token:
            self._tokens |= self._read(request.page_token)

    def requests(self) -> dict[str, Any]:
        """What to ask each service that has more."""
        requests = {}
        for service, token in self._tokens.items():
            if token is not None:
                asked = type(self._request)()
                asked.CopyFrom(self._request)
                asked.page_size = self._size
                asked.page_token = token
                requests[service] = asked
        return requests

    def fill(self, answer: Any, found: Mapping[str, Any]) -> None:
        """Put the page together.

        Args:
            answer: an empty answer of the list.
            found: the answers of those services that answered. One that did not is asked again for the next page.
        """
        name = next(field.name for field in answer.DESCRIPTOR.fields if field.is_repeated and field.message_type)
        lists = (
            [(*_newest_first(entry), service, at, entry) for at, entry in enumerate(getattr(each, name))]
            for service, each in found.items()
        )
        shown: dict[str, int] = {}
        for *_, service, at, entry in heapq.merge(*lists, key=lambda item: item[:2]):
            if len(getattr(answer, name)) == self._size:
                break
            getattr(answer, name).append(entry)
            shown[service] = at + 1
        for service, each in found.items():
            count = shown.get(service, 0)
            if count == len(getattr(each, name)) and not each.next_page_token:
                self._tokens[service] = None
            elif count:
                self._tokens[service] = each.row_tokens[count - 1]
        # A service that is away has more to show, as far as anyone knows.
        if shown and any(token is not None for token in self._tokens.values()):
            answer.next_page_token = self._write()

    def _write(self) -> str:
        return base64.urlsafe_b64encode(json.dumps([self._digest, self._tokens]).encode()).decode()

    def _read(self, token: str) -> dict[str, str | None]:
        try:
            digest, tokens = json.loads(base64.urlsafe_b64decode(token))
            good = digest == self._digest and all(
                service in self._tokens and (each is None or isinstance(each, str)) for service, each in tokens.items()
            )
        except (binascii.Error, ValueError, TypeError, AttributeError):
            good = False
        if not good:
            raise InvalidArgument.of("page_token", "belongs to another list", "INVALID_PAGE_TOKEN")
        read: dict[str, str | None] = tokens
        return read


def _newest_first(entry: Any) -> tuple[int, str]:
    """Sorts entries by time, newest first, and then by their ids, so that the order is always the same."""
    name = next(name for name in _TIMES if name in entry.DESCRIPTOR.fields_by_name)
    return -getattr(entry, name).ToNanoseconds(), entry.id
