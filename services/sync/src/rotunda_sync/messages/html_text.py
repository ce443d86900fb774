"""The words of an HTML page."""

from contextlib import suppress
from html.parser import HTMLParser

# What they hold is not for reading.
_SILENT = frozenset({"script", "style", "title"})
# They stand inside of words and sentences; all others part them.
_INLINE = frozenset(
    {"a", "abbr", "b", "big", "cite", "code", "em", "font", "i", "mark", "q", "s", "small", "span", "strong", "sub"}
    | {"sup", "tt", "u"}
)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []
        self._silent = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002 - the parser's
        self._silent += tag in _SILENT
        self._part(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT and self._silent:
            self._silent -= 1
        self._part(tag)

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.words.append(data)

    def _part(self, tag: str) -> None:
        if tag not in _INLINE:
            self.words.append(" ")


def text_of_html(page: str) -> str:
    """The text of a page, without styles and scripts; its white space is not yet collapsed.

    Args:
        page: HTML, or what is left of it.
    """
    reader = _Words()
    # Python's parser gives up on some marked sections (`<![x[`): then what stands before.
    with suppress(AssertionError):
        # The tag makes it tell what it holds back. `close` would too, but takes forever over many unfinished tags.
        reader.feed(f"{page}<p>")
    return "".join(reader.words)
