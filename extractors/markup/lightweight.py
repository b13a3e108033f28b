"""Markdown and reStructuredText, by way of HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from extractors.blocks.types import BlockDocument, Content
from extractors.errors import ExtractionError, error_summary
from extractors.markup.encoding import decode_text
from extractors.markup.html_reader import parse_html, read_html
from extractors.markup.image_files import ImageFinder, images_beside
from extractors.types import Field

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

MAX_FRONT_MATTER = 64 << 10
"""Characters; more is no description of a document."""
MAX_FIELD_LENGTH = 500

_DIRECTIVES_WITHOUT_TEXT = frozenset((
    "contents", "toctree", "index", "literalinclude", "automodule", "autoclass", "autofunction", "automethod",
    "autodata", "currentmodule", "highlight", "tabularcolumns", "default-domain", "py:module", "py:currentmodule",
    "module",
))  # fmt: skip
_CODE_DIRECTIVES = frozenset(("code-block", "sourcecode", "ipython", "prompt", "doctest", "testcode"))


def read_markdown(path: Path, name: str) -> BlockDocument:
    """Read Markdown (CommonMark, tables, footnotes, definition lists, formulas) with HTML in it.

    The front matter gives the title and fields. Raises `ExtractionError`.
    """
    html, front = _markdown_to_html(decode_text(path.read_bytes(), name))
    fields, note = _read_front_matter(front)
    title = str(fields.pop("title", ""))
    document = _from_html(html, path, title)
    return BlockDocument(document.blocks, title, states_title=True, notes=(note,) if note else (), fields=fields)


def read_markdown_text(text: str, find_image: ImageFinder) -> list[Content]:
    """Return the blocks of a part of a document that is written in Markdown."""
    html = _markdown_to_html(text)[0]
    return read_html(parse_html(html), find_image, whole=True)


def _markdown_to_html(text: str) -> tuple[str, str]:
    """The document, and its front matter."""
    parser, environment = _markdown_parser(), dict[str, Any]()
    tokens = parser.parse(text, environment)
    front = next((token.content for token in tokens if token.type == "front_matter"), "")
    return parser.renderer.render(tokens, parser.options, environment), front


@cache  # a notebook has many cells
def _markdown_parser() -> MarkdownIt:
    from markdown_it import MarkdownIt
    from mdit_py_plugins.deflist import deflist_plugin
    from mdit_py_plugins.dollarmath import dollarmath_plugin
    from mdit_py_plugins.footnote import footnote_plugin
    from mdit_py_plugins.front_matter import front_matter_plugin

    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    parser.use(front_matter_plugin).use(footnote_plugin).use(deflist_plugin)
    return parser.use(dollarmath_plugin, allow_space=False, allow_digits=False)


def read_rst(path: Path, name: str) -> BlockDocument:
    """Read reStructuredText, also with the directives and roles of Sphinx. Includes and raw output are not followed.

    Raises `ExtractionError`.
    """
    from docutils.core import publish_string

    _accept_unknown_markup()
    settings = {
        "_disable_config": True, "file_insertion_enabled": False, "raw_enabled": False, "report_level": 5,
        "halt_level": 6, "embed_stylesheet": False, "stylesheet_path": None, "math_output": "LaTeX",
        "syntax_highlight": "none", "input_encoding": "unicode", "output_encoding": "unicode", "toc_backlinks": False,
        "warning_stream": False, "smart_quotes": False, "line_length_limit": 1_000_000,
    }  # fmt: skip
    text = decode_text(path.read_bytes(), name)
    try:
        html = publish_string(text, source_path=None, writer="html5", settings_overrides=settings)
    except Exception as error:  # docutils raises what its own transforms run into
        raise ExtractionError(f"{name}: cannot be read as reStructuredText ({error_summary(error)})") from error
    return _from_html(str(html), path)


def _from_html(html: str, path: Path, title: str = "") -> BlockDocument:
    return BlockDocument(read_html(parse_html(html), images_beside(path), whole=True), title)


def _read_front_matter(text: str) -> tuple[dict[str, Field], str]:
    """The fields in the YAML before a Markdown file, and a note when it cannot be read."""
    import yaml  # type: ignore[import-untyped]

    if not text or len(text) > MAX_FRONT_MATTER:
        return {}, ""
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return {}, f"the front matter is no YAML, so it gives no fields ({error_summary(error)})"
    fields: dict[str, Field] = {}
    for name, value in found.items() if isinstance(found, Mapping) else ():
        plain = [one for one in map(_plain_value, value if isinstance(value, list) else [value]) if one is not None]
        if isinstance(name, str) and plain and len({type(one) for one in plain}) == 1:
            fields[re.sub(r"\s+", "_", name)] = plain if isinstance(value, list) else plain[0]
    return fields, ""


def _plain_value(value: object) -> str | int | float | bool | None:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value[:MAX_FIELD_LENGTH]
    return value if isinstance(value, bool | int | float) else None


@cache
def _accept_unknown_markup() -> None:
    """Let docutils keep the content of directives and roles that it does not know, instead of dropping it.

    Those of Sphinx are known only to Sphinx, which runs a project's own code.
    """
    from docutils import nodes
    from docutils.parsers.rst import Directive, directives, roles

    class Unknown(Directive):  # type: ignore[misc]
        optional_arguments = 1
        final_argument_whitespace = True
        has_content = True
        option_spec = _AnyOption(class_=directives.unchanged)

        def run(self) -> list[Any]:
            if self.name in _DIRECTIVES_WITHOUT_TEXT:
                return []
            if self.name in _CODE_DIRECTIVES:
                return [nodes.literal_block("", "\n".join(self.content))]
            container = nodes.container()
            argument = " ".join(self.arguments)
            caption = " ".join(filter(None, (argument, self.options.get("caption", ""))))
            if caption:
                container += nodes.paragraph("", caption)
            self.state.nested_parse(self.content, self.content_offset, container)
            return list(container.children)

    def keep_text(name: str, raw: str, text: str, *_: Any, **__: Any) -> tuple[list[Any], list[Any]]:
        title = re.sub(r"\s*<[^<>]*>$", "", text)
        shown = title.rpartition(".")[2] if title.startswith("~") else title.lstrip("!")
        return [nodes.inline("", shown)], []

    known_directive, known_role = directives.directive, roles.role

    def find_directive(name: str, *arguments: Any) -> tuple[Any, list[Any]]:
        if name == "contents" or name in _CODE_DIRECTIVES:
            return Unknown, []
        found, messages = known_directive(name, *arguments)
        return (found, messages) if found else (Unknown, [])

    def find_role(name: str, *arguments: Any) -> tuple[Any, list[Any]]:
        found, messages = known_role(name, *arguments)
        return (found, messages) if found else (keep_text, [])

    directives.directive, roles.role = find_directive, find_role


class _AnyOption(dict[str, Any]):
    """The options of an unknown directive: whatever they are called."""

    def __missing__(self, name: str) -> Any:
        return self["class_"]
