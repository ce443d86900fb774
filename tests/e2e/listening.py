"""Clients of the live stream."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx

from .patience import seconds_until

TIMEOUT = 30


class Listener:
    """Reads the stream in a thread of its own, and keeps what it hears.

    Args:
        url: of the gateway.
        token: of whoever listens.
        last: the id of the event after which it goes on.
        **parameters: what it wants to hear of.
    """

    def __init__(self, url: str, token: str, last: str = "", **parameters: str | list[str]) -> None:
        headers = {"Authorization": f"Bearer {token}", **({"Last-Event-ID": last} if last else {})}
        self._client = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT, trust_env=False)
        self._parameters = parameters
        self._begun = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._stopped = False
        self.last = last
        # `(event, data)`, as they came.
        self.heard: list[tuple[str, Any]] = []
        self.ended = False

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._begun.wait(TIMEOUT), "the stream does not begin"
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped = True
        self._client.close()

    def _read(self) -> None:
        try:
            with self._client.stream("GET", "/v1/stream", params=self._parameters) as response:
                assert response.status_code == 200, response.read()
                self._events(response.iter_lines())
        except (httpx.HTTPError, httpx.StreamError, OSError):
            # The gateway was killed, or the test is over.
            pass
        finally:
            self.ended = True
            self._begun.set()

    def _events(self, lines: Iterator[str]) -> None:
        event, data = "", ""
        for line in lines:
            if self._stopped:
                return
            name, _, value = line.partition(": ")
            match name:
                case "retry":
                    self._begun.set()
                case "event":
                    event = value
                case "data":
                    data = value
                case "id":
                    self.last = value
                case "" if event:
                    self.heard.append((event, json.loads(data)))
                    event = data = ""

    @property
    def changes(self) -> list[dict[str, Any]]:
        return [data for event, data in self.heard if event == "change"]

    def of(self, record_id: str) -> list[str]:
        """The types of the changes of a record."""
        return [change["type"] for change in self.changes if change["record"]["id"] == record_id]

    def hears(self, record_id: str, *types: str) -> None:
        """Wait until just these changes of a record were told."""
        seconds_until(lambda: self.of(record_id) == list(types), TIMEOUT)

    def behind(self, last: str) -> bool:
        """Whether it stands at an event or behind it."""
        return bool(self.last) and all(mine >= its for mine, its in zip(_places(self.last), _places(last), strict=True))


def _places(last: str) -> Iterator[int]:
    return (int(place.partition(".")[2], 16) for place in last.split("-"))


@contextmanager
def listening(url: str, token: str, last: str = "", **parameters: str | list[str]) -> Iterator[Listener]:
    """A listener who has begun."""
    with Listener(url, token, last, **parameters) as listener:
        yield listener
