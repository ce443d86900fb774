from base64 import b64encode
from binascii import b2a_qp
from datetime import UTC, datetime
from email.message import EmailMessage
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rotunda_sync.messages.rfc5322 import ADDRESS_LENGTH, MOST_ADDRESSES, SNIPPET_LENGTH, SUBJECT_LENGTH, parse_mail


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

    def test_headers_need_not_be_ascii(self) -> None:
        read = parse_mail("From: Jürgen <j@example.com>\nSubject: Grüße und €\n\n")
        assert (read.from_name, read.subject) == ("Jürgen", "Grüße und €")

    @pytest.mark.parametrize("subject", ["=?klingon?q?a?=", "=?ü?q?a?=", "=?utf-8?b?a?=", "=?utf-8?x?a?="])
    def test_what_cannot_be_decoded_stays_as_it_is_written(self, subject: str) -> None:
        assert parse_mail(f"Subject: {subject}\n\n").subject == subject

    def test_words_around_an_id_are_left_out(self) -> None:
        read = parse_mail('Message-ID: <1@x> (added)\nIn-Reply-To: Your "mail"\n of today <0@x> <9@x>\n\n')
        assert (read.message_id, read.in_reply_to) == ("1@x", "0@x")
        assert parse_mail("Message-ID: 1@x\n\n").message_id == "1@x"

    def test_a_naive_date_is_utc_and_a_wrong_one_is_unset(self) -> None:
        assert parse_mail("Date: Tue, 31 Jan 2017 10:00:00\n\n").sent_time == datetime(2017, 1, 31, 10, tzinfo=UTC)
        assert parse_mail("Date: the day after tomorrow\n\n").sent_time is None

    def test_what_is_no_address_is_left_out(self) -> None:
        assert parse_mail("To: undisclosed-recipients:;\n\n").to_addresses == []
        assert parse_mail("From: nobody\n\n").from_address == ""
        assert parse_mail(f"To: {'a' * ADDRESS_LENGTH}@x, b@x\n\n").to_addresses == ["b@x"]

    def test_groups_are_flattened(self) -> None:
        assert parse_mail("Cc: Team: a@x, Bob <b@x>;, c@x\n\n").cc_addresses == ["a@x", "b@x", "c@x"]

    @pytest.mark.parametrize("sender", ['"Ada <ada@x>', "Lovelace, Ada <ada@x>", '"bob@x" <ada@x>', "ada@x (Ada)"])
    def test_a_sender_is_found_however_he_is_written(self, sender: str) -> None:
        assert parse_mail(f"From: {sender}\n\n").from_address == "ada@x"

    @pytest.mark.parametrize("number", [MOST_ADDRESSES + 50, 100_000])
    def test_recipients_are_bounded(self, number: int) -> None:
        everybody = [f"a{n}@example.com" for n in range(number)]
        assert parse_mail(f"To: {', '.join(everybody)}\n\n").to_addresses == everybody[:MOST_ADDRESSES]

    def test_no_address_is_cut(self) -> None:
        read = parse_mail(f"To: {'x' * 49_980}, bob@example.com, carl@example.com\n\n")
        assert read.to_addresses == ["bob@example.com"]


class TestSnippet:
    def test_html_is_read_without_styles_and_scripts(self) -> None:
        source = (
            "From: a@example.com\nContent-Type: text/html; charset=utf-8\n\n"
            "<html><head><title>x</title></head><style>p{}</style>"
            "<p>Hello <b>Bob</b> &amp; all</p><script>no()</script>"
        )
        assert parse_mail(source).snippet == "Hello Bob & all"

    def test_words_are_parted_where_lines_are(self) -> None:
        page = "<body><div>Dear B<b>o</b>b,</div><p>we sell<br>rock&amp;roll and AT&T"
        assert parse_mail(f"Content-Type: text/html\n\n{page}").snippet == "Dear Bob, we sell rock&roll and AT&T"

    def test_a_long_head_does_not_hide_the_body(self) -> None:
        page = f"<html><head><style>{'p{}' * 50_000}</style></head><body>Hello</body></html>"
        assert parse_mail(f"Content-Type: text/html\n\n{page}").snippet == "Hello"

    def test_an_odd_section_ends_a_page(self) -> None:
        assert parse_mail("Content-Type: text/html\n\n<p>Hello</p><![odd[ x ]]>").snippet == "Hello"

    @pytest.mark.parametrize("charset", ["utf-8", "iso-8859-1", "us-ascii"])
    def test_what_is_text_already_is_not_decoded_again(self, charset: str) -> None:
        source = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: 8bit\n\nGrüße, 5 €"
        assert parse_mail(source).snippet == "Grüße, 5 €"

    @pytest.mark.parametrize("charset", ["utf-8", "iso-8859-15", "utf-16", "utf-7"])
    @pytest.mark.parametrize("encoding", ["base64", "quoted-printable"])
    def test_an_encoded_text_is_decoded(self, charset: str, encoding: str) -> None:
        encode = b64encode if encoding == "base64" else b2a_qp
        head = f"Content-Type: text/plain; charset={charset}\nContent-Transfer-Encoding: {encoding}\n\n"
        assert parse_mail(head + encode("Grüße, 5 €".encode(charset)).decode()).snippet == "Grüße, 5 €"

    @pytest.mark.parametrize("headers", ["", "Content-Type: text/plain\n", "Content-Type: text/html\n"])
    def test_a_part_needs_no_headers_and_an_empty_one_is_passed_over(self, headers: str) -> None:
        empty = "Content-Type: text/plain\n\n \n"
        source = f"{MULTIPART}--b\n{empty}--b\n{headers}\nHello\n--b--\n"
        assert parse_mail(source).snippet == "Hello"

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


MULTIPART = 'From: a@example.com\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n'
HEADER = st.sampled_from(
    ["From", "To", "Cc", "Subject", "Date", "Message-ID", "In-Reply-To", "Content-Type", "MIME-Version"]
)
LINES = st.lists(st.tuples(HEADER, st.text(max_size=60)), max_size=12)


WHOLE = """\
From: "Lovelace, Ada" <ada@example.com>
To: Team: bob@example.com, =?utf-8?q?J=C3=BCrgen?= <j@example.com>;
Subject: =?iso-8859-1?q?Gr=FC=DFe?=
 =?utf-8?b?4oKs?=
Date: Tue, 31 Jan 2017 10:00:00 +0100 (CET)
Message-ID: <1@example.com>
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="b"

--b
Content-Type: text/html; charset=utf-8
Content-Transfer-Encoding: quoted-printable

<body><p class=3D'x'>Hello &amp; goodbye<br>=E2=82=AC</p><!-- no --></body>
--b
Content-Type: text/plain; charset*=utf-8''us-ascii
Content-Disposition: attachment; filename=x
Content-Transfer-Encoding: base64

SGVsbG8=
--b--
"""
TOKENS = (
    "\" ( ) < > <![ <!-- &# ; : =? ?= = ' * *0*= --b ü € multipart/digest message/rfc822 uuencode idna 99999999999 - @"
)
FRAGMENTS = st.sampled_from(["\n", "\r", "\n\n", "\0", "\x85", "\u2028", "--b\n", *TOKENS.split()]) | st.text(
    max_size=5
)


class TestAnything:
    @given(st.text())
    def test_no_text_makes_it_fail(self, source: str) -> None:
        check_bounds(source)

    @given(LINES, st.text(max_size=200))
    def test_no_headers_make_it_fail(self, lines: list[tuple[str, str]], body: str) -> None:
        check_bounds("".join(f"{name}: {value}\n" for name, value in lines) + f"\n{body}")

    @given(st.binary(max_size=300))
    def test_no_mangled_multipart_makes_it_fail(self, body: bytes) -> None:
        check_bounds(f"{MULTIPART}--b\n{body.decode('latin-1')}\n--b--")

    @given(st.lists(st.tuples(st.integers(0, 700), st.integers(0, 20), FRAGMENTS), max_size=8))
    def test_no_mangled_mail_makes_it_fail(self, edits: list[tuple[int, int, str]]) -> None:
        source = WHOLE
        for at, length, put in edits:
            source = source[:at] + put + source[at + length :]
        check_bounds(source)


def nested(depth: int, lines: int = 0) -> str:
    parts = (f"Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n" for n in range(depth))
    return "".join(parts) + "\n" * lines


class TestHostile:
    """Mails that take the standard library minutes, or its last frame."""

    @pytest.mark.parametrize("depth", [100, 400, 480, 5_000, 50_000])
    def test_parts_in_parts_in_parts(self, depth: int) -> None:
        read = parse_mail("From: a@example.com\nSubject: Deep\n" + nested(depth))
        assert (read.from_address, read.subject) == ("a@example.com", "Deep")

    def test_more_frames_than_there_are(self) -> None:
        digests = "".join(f"Content-Type: multipart/digest; boundary=b{n}\n\n--b{n}\n\n" for n in range(500))
        assert parse_mail("Subject: Deep\n" + digests).subject == "Deep"

    @pytest.mark.parametrize(
        "source",
        [
            nested(900, 1_000_000),
            "Content-Type: message/rfc822\n\n" * 150_000,
            "To: " + "(" * 4_000_000,
            "To: " + "<" * 4_000_000,
            "Subject: " + "=?a?q?" * 700_000,
            'Content-Type: text/plain; a="' + ';a=\\"' * 700_000,
            "Content-Type: text/plain; charset=punycode\n\na-" + "b9" * 2_000_000,
            "To:\n" * 1_000_000,
            "\n" * 4_000_000,
            *("Content-Type: text/html\n\n" + tag * 500_000 for tag in ("<a ", "<a b='", "<!--", "&", "<![if ")),
        ],
        ids=range(14),
    )
    def test_large_ones_are_read_in_time(self, source: str) -> None:
        started = process_time()
        check_bounds(source)
        # Some milliseconds to a tenth of a second; minutes, where a bound is missing.
        assert process_time() - started < 5


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
        read.in_reply_to or "",
        *read.to_addresses,
        *read.cc_addresses,
    ]
    for text in kept:
        assert "\0" not in text
        text.encode()  # What PostgreSQL could not keep, such as a lone surrogate, is not there.
