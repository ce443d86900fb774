"""Pages by index (RFC 7644, 3.4.2.4) over lists whose pages follow one another by tokens.

To count the results, a list is read to its end when its first page is asked for. Where its pages began is kept, so that
the pages after the first are reached without reading those before them.
"""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any

from scim2_models import TooManyException

from rotunda_gateway.scim.directory import MOST_PAGES, Fetch

KEPT = 1000
"""Most lists of which it is kept where their pages began."""


@dataclass(slots=True)
class _List:
    total: int = 0
    # How many results come before a page, and its token.
    pages: list[tuple[int, str]] = field(default_factory=list)


class Pages:
    """Finds pages of lists by their index."""

    def __init__(self) -> None:
        self._lists: OrderedDict[Hashable, _List] = OrderedDict()

    async def find(
        self, key: Hashable, fetch: Fetch, start: int, count: int, keep: Callable[[Any], bool]
    ) -> tuple[list[Any], int]:
        """Some results of a list, and how many there are in all.

        Args:
            key: of the list: who asks for what, in which order.
            fetch: gets a page of it.
            start: how many results to leave out.
            count: most results.
            keep: whether a record is a result.

        Raises:
            TooManyException: the list has more pages than are read.
        """
        known = self._lists.get(key) if start else None
        index, token = max((page for page in known.pages if page[0] <= start), default=(0, "")) if known else (0, "")
        read = _List()
        found: list[Any] = []
        for _ in range(MOST_PAGES):
            read.pages.append((index, token))
            records, token = await fetch(token)
            results = [record for record in records if keep(record)]
            found += results[max(0, start - index) :][: count - len(found)]
            index += len(results)
            if known and len(found) == count:
                return found, known.total
            if not token:
                break
        else:
            raise TooManyException
        read.total = index
        if known is None:
            self._lists[key] = read
            self._lists.move_to_end(key)
            if len(self._lists) > KEPT:
                self._lists.popitem(last=False)
        return found, read.total
