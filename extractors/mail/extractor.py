"""Mails: headers, body and the pictures in it."""

from dataclasses import replace
from pathlib import Path

from extractors.blocks.assembly import extract_blocks
from extractors.blocks.types import BlockDocument, Content, Heading, Text
from extractors.errors import ExtractionError
from extractors.mail.message import Mail, read_mail
from extractors.markup.html_reader import parse_html, read_html
from extractors.markup.image_files import ImageFinder, image_finder
from extractors.markup.plain_text import plain_text_blocks
from extractors.types import Extraction, Field, Options, Problem, Source


def extract(source: Source, options: Options, pictures: Path) -> Extraction:
    """Extract a mail without its attachments. Raises `ExtractionError` when it cannot be read."""
    mail = read_mail(source.path, source.name)
    names = [one.name for one in mail.documents]
    problems = []
    if mail.encrypted:
        problems.append(Problem("its content is encrypted; decrypt it in a mail program and save it again"))
    blocks: list[Content] = [Heading(mail.subject, 0)] if mail.subject else []
    addresses = {"From": mail.sender, "To": ", ".join(mail.recipients), "Cc": ", ".join(mail.copies), "Date": mail.date}
    lines = [f"{name}: {value}" for name, value in addresses.items() if value]
    blocks.append(Text("; ".join([*lines, *([f"Attachments: {', '.join(names)}"] if names else [])])))
    blocks += _body(mail)
    fields: dict[str, Field] = {
        "from": mail.sender,
        "to": list(mail.recipients),
        "cc": list(mail.copies),
        "date": mail.date,
    }
    fields = {name: value for name, value in fields.items() if value}
    document = BlockDocument(blocks, mail.subject, problems=tuple(problems))
    return extract_blocks(replace(source, fields={**fields, **source.fields}), document, options, pictures)


def _body(mail: Mail) -> list[Content]:
    """What a mail program shows: the HTML, or the text of a mail without one."""
    if mail.html.strip():
        images = {one.content_id: one.data for one in mail.attachments if one.content_id}
        if blocks := read_html(parse_html(mail.html), _image_finder(images), whole=True):
            return [*blocks, *plain_text_blocks(mail.more_text)[0]]
    return plain_text_blocks(mail.text)[0]


def _image_finder(images: dict[str, bytes]) -> ImageFinder:
    def read(address: str) -> bytes:
        scheme, _, name = address.partition(":")
        if scheme.lower() != "cid" or name not in images:
            raise ExtractionError("not part of the mail, and not fetched from the web")
        return images[name]

    return image_finder(read)
