from datetime import UTC, datetime
from email.message import EmailMessage

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_sync.messages.rfc5322 import MOST_ADDRESSES, SNIPPET_LENGTH, SUBJECT_LENGTH, parse_mail


def mail(**headers: str) -> EmailMessage:
    message = EmailMessage()
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    return message


class TestHeaders:
    def test_a_plain_mail_is_read(self) -> None:
        message = mail(
            From="Ada Lovelace <ada@example.com>",
            To="bob@example.com, Carl <carl@example.com>",
            Cc="dora@example.com",
            Subject="The offer",
            Date="Tue, 31 Jan 2017 10:00:00 +0100",
            Message_ID="<1@example.com>",
            In_Reply_To="<0@example.com>",
        )
        message.set_content("Dear Bob,\n\nhere it is.")
        read = parse_mail(message.as_string())
        assert (read.from_name, read.from_address) == ("Ada Lovelace", "ada@example.com")
        assert read.to_addresses == ["bob@example.com", "carl@example.com"]
        assert read.cc_addresses == ["dora@example.com"]
        assert read.subject == "The offer"
        assert read.sent_time == datetime(2017, 1, 31, 9, tzinfo=UTC)
        assert (read.message_id, read.in_reply_to) == ("1@example.com", "0@example.com")
        assert read.snippet == "Dear Bob, here it is."
        assert read.attachment_count == 0

    def test_encoded_words_and_folds_are_undone(self) -> None:
        source = "From: =?utf-8?q?J=C3=BCrgen?= <j@example.com>\r\nSubject: =?utf-8?b?R3LDvMOfZQ==?=\r\n again\r\n\r\n"
        read = parse_mail(source)
        assert read.from_name == "Jürgen"
        assert read.subject == "Grüße again"

    def test_a_naive_date_is_utc_and_a_wrong_one_is_unset(self) -> None:
        assert parse_mail("Date: Tue, 31 Jan 2017 10:00:00\n\n").sent_time == datetime(2017, 1, 31, 10, tzinfo=UTC)
        assert parse_mail("Date: the day after tomorrow\n\n").sent_time is None

    def test_what_is_no_address_is_left_out(self) -> None:
        assert parse_mail("To: undisclosed-recipients:;\n\n").to_addresses == []
        assert parse_mail("From: nobody\n\n").from_address == ""

    def test_recipients_are_bounded(self) -> None:
        many = ", ".join(f"a{n}@example.com" for n in range(MOST_ADDRESSES + 50))
        assert len(parse_mail(f"To: {many}\n\n").to_addresses) == MOST_ADDRESSES


class TestSnippet:
    def test_html_is_read_without_styles_and_scripts(self) -> None:
        source = (
            "From: a@example.com\nContent-Type: text/html; charset=utf-8\n\n"
            "<html><head><title>x</title></head><style>p{}</style>"
            "<p>Hello <b>Bob</b> &amp; all</p><script>no()</script>"
        )
        assert parse_mail(source).snippet == "Hello Bob & all"

    def test_text_comes_before_html_and_attachments_are_counted(self) -> None:
        message = mail(From="a@example.com")
        message.set_content("The text.")
        message.add_alternative("<p>The page.</p>", subtype="html")
        message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="offer.pdf")
        read = parse_mail(message.as_string())
        assert read.snippet == "The text."
        assert read.attachment_count == 1

    @pytest.mark.parametrize("header", ["charset=klingon", "charset=utf-8\nContent-Transfer-Encoding: base64"])
    def test_an_unknown_encoding_does_no_harm(self, header: str) -> None:
        assert isinstance(parse_mail(f"From: a@example.com\nContent-Type: text/plain; {header}\n\n=%%&").snippet, str)


HEADER = st.sampled_from(
    ["From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "Content-Type", "MIME-Version"]
)
LINES = st.lists(st.tuples(HEADER, st.text(max_size=60)), max_size=12)


class TestAnything:
    @given(st.text())
    def test_no_text_makes_it_fail(self, source: str) -> None:
        check_bounds(source)

    @given(LINES, st.text(max_size=200))
    def test_no_headers_make_it_fail(self, lines: list[tuple[str, str]], body: str) -> None:
        check_bounds("".join(f"{name}: {value}\n" for name, value in lines) + f"\n{body}")

    @given(st.binary(max_size=300))
    def test_no_mangled_multipart_makes_it_fail(self, body: bytes) -> None:
        head = 'From: a@example.com\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n'
        check_bounds(head + body.decode("latin-1") + "\n--b--")


def check_bounds(source: str) -> None:
    read = parse_mail(source)
    assert len(read.subject) <= SUBJECT_LENGTH
    assert len(read.snippet) <= SNIPPET_LENGTH
    kept = [
        read.subject,
        read.from_address,
        read.snippet,
        read.from_name or "",
        read.message_id or "",
        *read.to_addresses,
    ]
    for text in kept:
        assert "\0" not in text
        text.encode()  # What PostgreSQL could not keep, such as a lone surrogate, is not there.
