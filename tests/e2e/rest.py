"""Methods called over REST, as their routes say."""

from collections.abc import Mapping
from typing import Any

import httpx

from .ledger import Ledger
from .reflection import Method


class Rest:
    """Calls methods through the gateway, signed in as its client is.

    Args:
        client: sends the requests; its headers say who calls.
        ledger: is told which methods were called.
    """

    def __init__(self, client: httpx.Client, ledger: Ledger) -> None:
        self.client = client
        self._ledger = ledger

    def send(
        self,
        method: Method,
        variables: Mapping[str, str] | None = None,
        body: Any = None,
        *,
        query: Mapping[str, str | int] | None = None,
        key: str | None = None,
        etag: str | None = None,
        token: str | None = None,
    ) -> httpx.Response:
        """Call a method and return the answer, whatever it is.

        Args:
            method: what to call.
            variables: of its path, in snake_case.
            body: sent as JSON; none if None.
            query: parameters.
            key: sent as `Idempotency-Key`.
            etag: sent as `If-Match`.
            token: sent instead of the client's own; empty for none.
        """
        headers = {"Idempotency-Key": key, "If-Match": etag, "Authorization": token and f"Bearer {token}"}
        request = self.client.build_request(
            method.http_method,
            method.fill(variables or {}),
            json=body,
            params=query,
            headers={name: value for name, value in headers.items() if value is not None},
        )
        if token == "":
            del request.headers["Authorization"]
        response = self.client.send(request)
        self._ledger.visit(method.name)
        assert response.status_code < 500, f"{method.name}: {response.status_code} {response.text[:2000]}"
        return response

    def ok(self, method: Method, variables: Mapping[str, str] | None = None, body: Any = None, **more: Any) -> Any:
        """Call a method that must succeed, and return its answer's content."""
        response = self.send(method, variables, body, **more)
        assert response.is_success, f"{method.name}: {response.status_code} {response.text[:2000]}"
        return response.json()
