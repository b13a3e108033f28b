"""Mails: headers, body, pictures in it, and which attachments are documents."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from email.message import EmailMessage
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image

from extractors.errors import ExtractionError
from extractors.mail.extractor import extract
from extractors.mail.message import read_mail
from extractors.types import Extraction, Options, Source


def png() -> bytes:
    file = BytesIO()
    Image.effect_noise((90, 90), 60).convert("RGB").save(file, "PNG")
    return file.getvalue()


def mail(subject: str = "Filter of pump 7", text: str = "It was cleaned.\n") -> EmailMessage:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = subject, "Ada Løvås <ada@example.org>", "bo@example.org"
    message["Date"] = "Mon, 05 Jan 2026 10:30:00 +0100"
    message.set_content(text)
    return message


def write(folder: Path, message: EmailMessage | bytes, name: str = "a.eml") -> Path:
    path = folder / name
    path.write_bytes(message if isinstance(message, bytes) else bytes(message))
    return path


def extract_file(path: Path) -> Extraction:
    return extract(Source(path, path.as_uri(), path.name, "0", "x"), Options(ocr="off"), path.parent / "pictures")


def test_mail_has_its_headers_as_text_and_fields(tmp_path: Path) -> None:
    extraction = extract_file(write(tmp_path, mail()))
    assert extraction.title == "Filter of pump 7"
    (passage,) = extraction.passages
    assert passage.text.splitlines()[1:] == [
        "From: Ada Løvås <ada@example.org>; To: bo@example.org; Date: 2026-01-05T10:30:00+01:00",
        "It was cleaned.",
    ]
    assert extraction.source.fields == {
        "from": "Ada Løvås <ada@example.org>",
        "to": ["bo@example.org"],
        "date": "2026-01-05T10:30:00+01:00",
    }


def test_html_with_its_pictures_is_read_before_the_text(tmp_path: Path) -> None:
    message = mail(text="plain")
    html = '<p>See the <b>pump</b>.</p><img src="cid:one" alt="The pump"><img src="https://example.org/t.gif">'
    message.add_alternative(html, subtype="html")
    html_part = message.get_payload()[1]  # type: ignore[index]
    html_part.add_related(png(), "image", "png", cid="<one>")  # type: ignore[union-attr]
    message.add_attachment(b"%PDF-1.4", maintype="application", subtype="pdf", filename="report.pdf")
    path = write(tmp_path, message)
    extraction = extract_file(path)
    assert "See the pump." in extraction.passages[0].text
    assert "plain" not in extraction.passages[0].text
    assert "Attachments: report.pdf" in extraction.passages[0].text
    assert [one.caption for one in extraction.pictures] == ["The pump"]
    assert [one.name for one in read_mail(path, "a.eml").documents] == ["report.pdf"]


def test_forwarded_mail_is_a_document(tmp_path: Path) -> None:
    message = mail("Fwd")
    message.add_attachment(mail("Original"))
    (document,) = read_mail(write(tmp_path, message), "a.eml").documents
    assert document.name == "Original.eml"
    assert extract_file(write(tmp_path, document.data, "b.eml")).title == "Original"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le"])
def test_mail_saved_as_utf_16_is_read(tmp_path: Path, encoding: str) -> None:
    extraction = extract_file(write(tmp_path, bytes(mail()).decode().encode(encoding)))
    assert extraction.title == "Filter of pump 7"


def test_malformed_headers_do_not_lose_the_mail(tmp_path: Path) -> None:
    content = b"From: =?utf-8?q?broken\nTo: <<>,\nDate: yesterday\nSubject: =?x-none?B?AAA?=\n\nStill here.\n"
    extraction = extract_file(write(tmp_path, content))
    assert extraction.passages[-1].text.endswith("Still here.")
    assert "date" not in extraction.source.fields


def test_encrypted_mail_is_partial(tmp_path: Path) -> None:
    content = b'From: a@b.c\nContent-Type: multipart/encrypted; boundary="x"\n\n--x\n\nVersion: 1\n--x--\n'
    (problem,) = extract_file(write(tmp_path, content)).report.problems
    assert problem.reason.startswith("its content is encrypted")


def test_msg_file_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import oxmsg

    def attachment(name: str, data: bytes, content_id: str = "") -> Any:
        properties = SimpleNamespace(str_prop_value=lambda _: content_id)
        return SimpleNamespace(file_name=name, file_bytes=data, attached_by_value=True, properties=properties)

    attachments: Sequence[Any] = [attachment("a.png", png(), "one"), attachment("b.txt", b"More.")]
    loaded = SimpleNamespace(
        subject="Filter",
        sender='"Ada" <ada@example.org>',
        sent_date=datetime(2026, 1, 5, tzinfo=UTC),
        recipients=[SimpleNamespace(name="Bo", email_address="bo@example.org")],
        message_headers={"Cc": "c@example.org"},
        html_body='<p>Cleaned.</p><img src="cid:one">',
        body="",
        attachments=attachments,
    )
    monkeypatch.setattr(oxmsg.Message, "load", lambda _: loaded)
    path = write(tmp_path, b"\xd0\xcf\x11\xe0", "a.msg")
    extraction = extract_file(path)
    assert extraction.source.fields["to"] == ["Bo <bo@example.org>"]
    assert extraction.source.fields["cc"] == ["c@example.org"]
    assert len(extraction.pictures) == 1
    assert [one.name for one in read_mail(path, "a.msg").documents] == ["b.txt"]


@pytest.mark.parametrize(("name", "content"), [("a.eml", b"Dear Ada,\n"), ("a.msg", b"\xd0\xcf\x11\xe0 cut off")])
def test_other_file_is_refused(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(ExtractionError, match=rf"{name}: .*save it again"):
        read_mail(write(tmp_path, content, name), name)


def test_text_after_the_html_and_a_second_html_belong_to_the_mail(tmp_path: Path) -> None:
    message = mail("List", "Cleaned twice.\n")
    message.add_alternative("<p>Cleaned <b>twice</b>.</p>", subtype="html")
    message.make_mixed()
    for text, kind in (("<p>After the picture.</p>", "html"), ("You get this from the list.\n", "plain")):
        part = EmailMessage()
        part.set_content(text, subtype=kind)
        message.attach(part)
    path = write(tmp_path, message)
    assert extract_file(path).passages[0].text.splitlines()[2:] == [
        "Cleaned twice.",
        "After the picture.",
        "You get this from the list.",
    ]
    assert read_mail(path, "a.eml").documents == []


def test_msg_text_in_another_code_page_than_stated_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import olefile
    import oxmsg

    class Loaded(SimpleNamespace):
        subject, sender, sent_date, html_body = "Tür", "", None, ""
        recipients, attachments, message_headers = (), (), {}  # type: ignore[var-annotated]

        @property
        def body(self) -> str:
            return "Prüfen Sie die Tür.".encode("cp1252").decode("utf-8")

    streams = {"__substg1.0_1000001E": BytesIO("Prüfen Sie die Tür.".encode("cp1252"))}
    monkeypatch.setattr(oxmsg.Message, "load", lambda _: Loaded())
    monkeypatch.setattr(olefile, "OleFileIO", lambda _: nullcontext(SimpleNamespace(openstream=streams.get)))
    assert read_mail(write(tmp_path, b"\xd0\xcf\x11\xe0", "a.msg"), "a.msg").text == "Prüfen Sie die Tür."
    assert "格式".encode("cp950").decode("windows-950") == "格式"
