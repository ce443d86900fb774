"""From an HTTP method and a path to a route."""

from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from rotunda_gateway.transcoding.routes import Route

Match = tuple[Route, list[str]]
"""A route, and the texts that stand for its path variables, in their order."""


class _Node:
    """One place in the tree of path segments."""

    __slots__ = ("literals", "routes", "variable")

    def __init__(self) -> None:
        self.literals: dict[str, _Node] = {}
        self.variable: _Node | None = None
        # By verb (empty: none), then by HTTP method.
        self.routes: dict[str, dict[str, Route]] = {}

    def child(self, segment: str | None) -> "_Node":
        if segment is None:
            self.variable = self.variable or _Node()
            return self.variable
        return self.literals.setdefault(segment, _Node())


class Router:
    """Finds routes by a tree of path segments; a literal segment goes before a variable one.

    A colon in the last segment always begins a verb (AIP-136): who means it as part of an id writes `%3A`. Likewise
    `%2F` stays inside of its segment.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.segments:
            node = node.child(segment)
        by_method = node.routes.setdefault(route.path.verb, {})
        other = by_method.setdefault(route.http_method, route)
        if other is not route:
            raise ValueError(
                f"{route.method.full_name} and {other.method.full_name} declare the same {route.http_method} path"
            )

    def find(self, http_method: str, raw_path: bytes) -> Match | None:
        """The route of a request, if there is one.

        Args:
            http_method: in capitals.
            raw_path: still percent-encoded, without the query.

        Raises:
            UnicodeDecodeError: the path is not UTF-8.
        """
        segments, verb = _split(raw_path)
        for by_method, values in self._walk(self._root, segments, 0, verb):
            route = by_method.get(http_method)
            if route is not None:
                return route, values
        return None

    def allowed(self, raw_path: bytes) -> set[str]:
        """The HTTP methods that have a route with this path; empty where nothing has.

        Raises:
            UnicodeDecodeError: the path is not UTF-8.
        """
        segments, verb = _split(raw_path)
        return {method for by_method, _ in self._walk(self._root, segments, 0, verb) for method in by_method}

    def _walk(
        self, node: _Node, segments: list[str], depth: int, verb: str
    ) -> Iterator[tuple[dict[str, Route], list[str]]]:
        if depth == len(segments):
            by_method = node.routes.get(verb)
            if by_method:
                yield by_method, []
            return
        segment = segments[depth]
        literal = node.literals.get(segment)
        if literal is not None:
            yield from self._walk(literal, segments, depth + 1, verb)
        if node.variable is not None and segment:
            for by_method, values in self._walk(node.variable, segments, depth + 1, verb):
                yield by_method, [segment, *values]


def _split(raw_path: bytes) -> tuple[list[str], str]:
    """The decoded segments of a path, and its verb: empty if there is none, `:` (no route's) if no word follows."""
    segments = raw_path[1:].split(b"/")
    verb = b""
    if b":" in segments[-1]:
        segments[-1], colon, verb = segments[-1].rpartition(b":")
        verb = verb or colon
    if b"%" in raw_path:
        segments = [unquote_to_bytes(segment) for segment in segments]
    return [segment.decode() for segment in segments], verb.decode()
