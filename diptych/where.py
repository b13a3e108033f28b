"""Filters such as `price < 200 and category = "jackets"`, as a tree that each engine translates.

    expression := term ("or" term)*          comparison := name operator value
    term       := factor ("and" factor)*                 | name ["not"] "contains" value
    factor     := "not" factor | "(" expression ")"      | name ["not"] "in" "(" value ("," value)* ")"
                | comparison

Names are `document`, `page`, `kind`, `modality` and the user's own fields. A name with spaces is put in `backquotes`.
A field with a list of values matches if any of its values does; `contains` also finds a part of a text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from diptych.errors import QueryError
from extractors.types import FieldValue, PassageKind, PictureKind

Operator = Literal["=", "!=", "<", "<=", ">", ">=", "contains"]
BUILT_IN = ("document", "page", "kind", "modality")
"""Fields of every hit; any other name is a field of the user's own."""
PRINTED_PAGE, PRINTED_LABEL = "printed_page", "printed_label"
"""The payload calls them `folio` and `label`, but columns of users may have those names."""
STORE_FIELDS = (
    "document_id", "generation", "content_hash", "pixels_hash", "page_hash", "uri", PRINTED_PAGE, PRINTED_LABEL
)  # fmt: skip
"""Fields that only the store itself filters by. Filters of users would reveal the addresses of files."""
ALLOWED_VALUES = {
    "kind": sorted({*get_args(PassageKind), *get_args(PictureKind)}),
    "modality": ["image", "text"],
}
"""Fields with a fixed set of values: another value is reported as a mistake, because it could never match."""

MAX_DEPTH = 50
"""Levels of parentheses and `not`. Each takes a few calls of the parser and of the engines."""
MAX_NUMBER = 2**63
"""Engines store whole numbers in 64 bits."""


@dataclass(frozen=True, slots=True)
class Compare:
    field: str
    operator: Operator
    value: FieldValue


@dataclass(frozen=True, slots=True)
class In:
    field: str
    values: tuple[FieldValue, ...]


@dataclass(frozen=True, slots=True)
class Not:
    part: Expression


@dataclass(frozen=True, slots=True)
class And:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    parts: tuple[Expression, ...]


Expression = Compare | In | Not | And | Or

_TOKEN = re.compile(
    r"""\s*(?:
      (?P<date>\d{4}-\d\d-\d\d(?![\w.-]))
    | (?P<number>[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?(?![\w.]))
    | (?P<string>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|“[^”]*”)
    | (?P<name>[^\W\d][\w.\-]*|`[^`]+`)
    | (?P<symbol><=|>=|!=|<>|==|=|<|>|\(|\)|,)
    )""",
    re.VERBOSE,
)
_OPERATORS: dict[str, Operator] = {
    "=": "=", "==": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "contains": "contains"
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    column: int
    """From 1."""


def parse_where(text: str) -> Expression:
    """Parse a filter. Raises `QueryError` with the column of the mistake."""
    if broken := re.search("[\ud800-\udfff]", text):
        raise QueryError(f"filter, column {broken.start() + 1}: expected characters, found bytes that are not UTF-8")
    parser = _Parser(text)
    expression = parser.expression()
    if parser.now.kind != "end":
        raise parser.wrong("`and`, `or` or the end")
    return expression


def where_from_fields(fields: Mapping[str, FieldValue | Sequence[FieldValue]]) -> Expression | None:
    """The filter for `{"document": "a.pdf", "kind": ["figure", "table"]}`: all must match, a list by any value.

    None for an empty mapping. Raises `QueryError` for anything but values and lists of values.
    """
    parts: list[Expression] = []
    for name, value in fields.items():
        if isinstance(value, str | int | float):
            _check_value(name, value, "")
            parts.append(Compare(name, "=", value))
        elif isinstance(value, Sequence) and value and all(isinstance(v, str | int | float) for v in value):
            for one in value:
                _check_value(name, one, "")
            parts.append(In(name, tuple(value)))
        else:
            raise QueryError(f"filter on {name!r}: {value!r} is neither a value nor a list of values")
    return _joined(And, parts) if parts else None


def own_fields(expression: Expression) -> set[str]:
    """The user's own fields that a filter names."""
    return {comparison.field for comparison in comparisons(expression)} - set(BUILT_IN)


def values_of(expression: Expression, field: str) -> set[FieldValue]:
    """The whole values a filter compares `field` with; `contains` may compare with a part of a text."""
    found: set[FieldValue] = set()
    for comparison in comparisons(expression):
        if comparison.field != field:
            continue
        if isinstance(comparison, In):
            found |= set(comparison.values)
        elif comparison.operator != "contains":
            found.add(comparison.value)
    return found


def comparisons(expression: Expression) -> Iterator[Compare | In]:
    """The comparisons in a filter, from left to right."""
    if isinstance(expression, Compare | In):
        yield expression
    else:
        for part in (expression.part,) if isinstance(expression, Not) else expression.parts:
            yield from comparisons(part)


def all_of(first: Expression | None, second: Expression | None) -> Expression | None:
    """Both filters joined by `and`; None is no filter."""
    return And((first, second)) if first and second else first or second


def _joined(kind: type[And] | type[Or], parts: list[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _tokens(text: str) -> list[_Token]:
    tokens, at, end = [], 0, len(text.rstrip())
    while at < end:
        match = _TOKEN.match(text, at)
        if not match:
            rest = text[at:].lstrip()
            column = len(text) - len(rest) + 1
            raise QueryError(f"filter, column {column}: cannot read {rest[:12]!r}{_hint(rest[0])}")
        kind = match.lastgroup or ""
        tokens.append(_Token(kind, match[kind], match.start(kind) + 1))
        at = match.end()
    return [*tokens, _Token("end", "", len(text) + 1)]


def _hint(first: str) -> str:
    """How to write what begins with this character; empty if unknown."""
    if first in "\"'“":
        return "; the closing quote is missing"
    if first in "$€£¥":
        return "; write the number without a currency sign"
    return "; write lists in ( )" if first in "[{" else ""


def _check_value(name: str, value: FieldValue, place: str) -> None:
    """Raise `QueryError` for a value that the field can never have."""
    known = ALLOWED_VALUES.get(name)
    if known and value not in known:
        raise QueryError(f"filter{place}: there is no {name} {str(value)[:40]!r}; choose from {', '.join(known)}")
    if name == "page" and (isinstance(value, str | bool)):
        raise QueryError(f"filter{place}: page is a number, not {str(value)[:40]!r}")


class _Parser:
    """Recursive descent, with one method for each rule of the grammar above."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.at = self.depth = 0

    def expression(self) -> Expression:
        parts = [self.term()]
        while self.skip("or"):
            parts.append(self.term())
        return _joined(Or, parts)

    def term(self) -> Expression:
        parts = [self.factor()]
        while self.skip("and"):
            parts.append(self.factor())
        return _joined(And, parts)

    def factor(self) -> Expression:
        if self.now.text.lower() not in ("not", "("):
            return self.comparison()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise QueryError(f"filter, column {self.now.column}: more than {MAX_DEPTH} levels of ( ) and `not`")
        if self.skip("not"):
            inner: Expression = Not(self.factor())
        else:
            self.expect("(")
            inner = self.expression()
            self.expect(")")
        self.depth -= 1
        return inner

    def comparison(self) -> Expression:
        if self.now.kind != "name":
            raise self.wrong("a field name")
        name = self.now.text.strip("`")
        if name in STORE_FIELDS:
            raise self.wrong(f"a field of documents ({name} is none; `document` finds them by name)")
        self.at += 1
        if self.skip("in"):
            return In(name, self.values(name))
        if self.skip("not"):
            if self.skip("contains"):
                return Not(Compare(name, "contains", self.value(name)))
            self.expect("in")
            return Not(In(name, self.values(name)))
        operator = _OPERATORS.get(self.now.text.lower())
        if operator is None:
            raise self.wrong("=, !=, <, <=, >, >=, `contains`, `in`, `not contains` or `not in`")
        self.at += 1
        return Compare(name, operator, self.value(name))

    def values(self, name: str) -> tuple[FieldValue, ...]:
        self.expect("(")
        values = [self.value(name)]
        while self.skip(","):
            values.append(self.value(name))
        self.expect(")")
        return tuple(values)

    def value(self, name: str) -> FieldValue:
        token = self.now
        value: FieldValue
        if token.kind == "number":
            number = float(token.text)
            if abs(number) >= MAX_NUMBER:
                raise QueryError(f"filter, column {token.column}: {token.text[:20]} is too large a number")
            value = int(token.text) if re.fullmatch(r"[-+]?\d+", token.text) else number
        elif token.kind == "date":
            value = token.text
        elif token.kind == "string":
            value = re.sub(r"\\(.)", r"\1", token.text[1:-1])
        elif token.text.lower() in ("true", "false"):
            value = token.text.lower() == "true"
        else:
            quoted = f'"{token.text}"' if token.kind == "name" else '"…"'
            raise self.wrong(f"a number, a date, true, false or a text in quotes ({quoted})")
        _check_value(name, value, f", column {token.column}")
        self.at += 1
        return value

    @property
    def now(self) -> _Token:
        return self.tokens[self.at]

    def skip(self, text: str) -> bool:
        """Skip this keyword or symbol if it comes next. Quotes are part of a token, so quoted keywords differ."""
        found = self.now.text.lower() == text
        self.at += found
        return found

    def expect(self, text: str) -> None:
        if not self.skip(text):
            raise self.wrong(f"`{text}`")

    def wrong(self, expected: str) -> QueryError:
        found = repr(self.now.text) if self.now.text else "the end"
        return QueryError(f"filter, column {self.now.column}: expected {expected}, found {found}")
