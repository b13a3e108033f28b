"""A mail as plain data, from an EML or an MSG file."""

import mimetypes
import re
from codecs import CodecInfo, lookup, register
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from datetime import datetime
from email import message_from_bytes, message_from_string, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import getaddresses, parsedate_to_datetime
from functools import cache
from pathlib import Path
from typing import Any

from extractors.containers import OLE, starts_with
from extractors.errors import ExtractionError, error_summary
from extractors.markup.encoding import decode_text
from extractors.text.cleaning import replace_surrogates

MAX_BYTES = 512 << 20
"""Mail servers refuse more than a tenth of it."""
MAX_ATTACHMENTS = 1000

_ENCRYPTED = ("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime")
_CONTENT_ID = 0x3712  # property of an attachment in an MSG file
_HEAD = 256  # bytes that are headers


@dataclass(frozen=True, slots=True)
class Attachment:
    name: str
    data: bytes
    content_id: str = ""
    """By which the HTML of the mail shows it."""


@dataclass(frozen=True, slots=True)
class Mail:
    subject: str = ""
    sender: str = ""
    recipients: Sequence[str] = ()
    copies: Sequence[str] = ()
    date: str = ""
    """ISO 8601, or empty when there is none or nobody can read it."""
    html: str = ""
    text: str = ""
    more_text: str = ""
    """What follows the HTML, such as the note that a mailing list adds; part of `text`."""
    attachments: Sequence[Attachment] = ()
    encrypted: bool = False

    @property
    def documents(self) -> list[Attachment]:
        """The attachments that its HTML does not show."""
        return [one for one in self.attachments if not (one.content_id and f"cid:{one.content_id}" in self.html)]


def read_mail(path: Path, name: str) -> Mail:
    """Read a mail; `name` is used in messages. Raises `ExtractionError`."""
    if path.stat().st_size > MAX_BYTES:
        raise ExtractionError(f"{name}: is larger than {MAX_BYTES >> 20} MiB; save its attachments as files")
    advice = "open it in a mail program and save it again"
    try:
        return _without_surrogates(_read_msg(path) if starts_with(path, OLE) else _read_eml(path.read_bytes(), name))
    except ExtractionError:
        raise
    except Exception as error:  # both libraries raise what their own code runs into
        raise ExtractionError(f"{name}: cannot be read as a mail ({error_summary(error)}); {advice}") from error


def _without_surrogates(mail: Mail) -> Mail:
    texts = {field.name: replace_surrogates(getattr(mail, field.name)) for field in fields(mail)}
    attachments = [replace(one, name=replace_surrogates(one.name)) for one in mail.attachments]
    return Mail(**texts | {"attachments": attachments})


def _read_eml(data: bytes, name: str) -> Mail:
    if b"\0" in data[:_HEAD]:  # saved as a text in UTF-16
        message: Any = message_from_string(decode_text(data, name), policy=policy.default)
    else:
        message = message_from_bytes(data.removeprefix(b"\xef\xbb\xbf"), policy=policy.default)
    if not any(header in message for header in ("From", "To", "Subject", "Date", "Received", "Content-Type")):
        raise ExtractionError(f"{name}: has no headers of a mail; save it again in a mail program")
    parts = list(_leaves(message))
    text = [part for part in parts if part.get_content_type() == "text/plain" and not _is_attachment(part)]
    shown = [part for part in _shown(message) if not _is_attachment(part)]
    html = [part for part in shown if part.get_content_type() == "text/html"]
    body = {id(part) for part in (*html, *text)}
    attached = [part for part in parts if id(part) not in body]
    return Mail(
        subject=_header(message, "Subject"),
        sender=_header(message, "From"),
        recipients=_addresses(_header(message, "To")),
        copies=_addresses(_header(message, "Cc")),
        date=_date(_header(message, "Date")),
        html="\n".join(_text(part, name) for part in html),
        text="\n\n".join(_text(part, name) for part in text),
        more_text="\n\n".join(_text(part, name) for part in text if html and part in shown),
        attachments=[_attachment(part, number) for number, part in enumerate(attached[:MAX_ATTACHMENTS], 1)],
        encrypted=any(part.get_content_type() in _ENCRYPTED for part in (message, *parts)),
    )


def _leaves(part: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that are no lists of parts; a forwarded mail is one."""
    if part.get_content_type() != "message/rfc822" and part.is_multipart():
        for inner in part.iter_parts():
            yield from _leaves(inner)  # type: ignore[arg-type]
    else:
        yield part


def _shown(part: EmailMessage) -> Iterator[EmailMessage]:
    """The parts that a mail program shows: of alternatives, the one with HTML."""
    if part.get_content_type() != "multipart/alternative":
        inner = list(part.iter_parts()) if part.get_content_maintype() == "multipart" else []
        yield from (one for child in inner for one in _shown(child)) if inner else (part,)  # type: ignore[arg-type]
        return
    for child in part.iter_parts():
        leaves = list(_shown(child))  # type: ignore[arg-type]
        if any(one.get_content_type() == "text/html" for one in leaves):
            yield from leaves
            return


def _is_attachment(part: EmailMessage) -> bool:
    return bool(part.get_filename()) or part.get_content_disposition() == "attachment"


def _header(message: Any, name: str) -> str:
    try:
        value = str(message.get(name) or "")
    except Exception:  # the parser of headers fails on some malformed ones
        raw = next((value for key, value in message.raw_items() if key.lower() == name.lower()), "")
        value = str(raw)
    return _decoded(value)


def _date(value: str) -> str:
    for parse in (parsedate_to_datetime, datetime.fromisoformat):
        with suppress(ValueError, TypeError, IndexError):
            return parse(value).isoformat()
    return ""


def _text(part: EmailMessage, name: str) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else str(part.get_payload()).encode(errors="replace")
    return decode_text(data, name, part.get_content_charset() or "")


def _attachment(part: EmailMessage, number: int) -> Attachment:
    content_id = str(part.get("Content-ID") or "").strip().strip("<>")
    if part.get_content_type() == "message/rfc822":
        inner = part.get_payload(0) if part.is_multipart() else part
        subject = _header(inner, "Subject") or f"mail {number}"
        return Attachment(part.get_filename() or f"{subject[:80]}.eml", bytes(inner), content_id)  # type: ignore[arg-type]
    payload = part.get_payload(decode=True)
    suffix = mimetypes.guess_extension(part.get_content_type()) or ""
    return Attachment(
        part.get_filename() or f"part {number}{suffix}", payload if isinstance(payload, bytes) else b"", content_id
    )


def _read_msg(path: Path) -> Mail:
    from oxmsg import Message

    _accept_code_pages()
    message = Message.load(str(path))
    headers = {key.lower(): value for key, value in message.message_headers.items()}
    attachments = []
    for number, one in enumerate(list(message.attachments)[:MAX_ATTACHMENTS], 1):
        data = one.file_bytes if one.attached_by_value else None
        content_id = str(one.properties.str_prop_value(_CONTENT_ID) or "")
        attachments.append(Attachment(one.file_name or f"part {number}", data or b"", content_id))
    named = [
        f"{one.name} <{one.email_address}>" if one.name != one.email_address else one.name for one in message.recipients
    ]
    return Mail(
        subject=_msg_text(lambda: message.subject, path, "__substg1.0_0037001E"),
        sender=_decoded(message.sender or ""),
        recipients=_addresses(_decoded(headers.get("to", ""))) or [one for one in named if one.strip(" <>")],
        copies=_addresses(_decoded(headers.get("cc", ""))),
        date=message.sent_date.isoformat() if message.sent_date else "",
        html=_msg_text(lambda: message.html_body, path, "__substg1.0_10130102"),
        text=_msg_text(lambda: message.body, path, "__substg1.0_1000001E"),
        attachments=attachments,
        encrypted=any(kind in headers.get("content-type", "") for kind in _ENCRYPTED),
    )


@cache
def _accept_code_pages() -> None:
    """Let Python know the names that oxmsg uses for the code pages of Traditional Chinese, Thai and Arabic."""

    def find(name: str) -> CodecInfo | None:
        match = re.fullmatch(r"(?:windows|dos)[_-](\d+)", name)
        return lookup(f"cp{match[1]}") if match else None

    register(find)


def _msg_text(read: Callable[[], str | None], path: Path, stream: str) -> str:
    """A text of an MSG file; from the `stream` that holds it when it is not in the encoding that the file states."""
    from olefile import OleFileIO

    try:
        return read() or ""
    except (ValueError, LookupError):
        with OleFileIO(str(path)) as file:
            return decode_text(file.openstream(stream).read(), path.name)


def _addresses(header: str) -> list[str]:
    pairs = filter(any, getaddresses([header]))
    return [f"{person} <{address}>" if person and address else person or address for person, address in pairs]


def _decoded(value: str) -> str:
    with suppress(Exception):
        value = str(make_header(decode_header(value))) if "=?" in value else value
    return " ".join(value.split())
