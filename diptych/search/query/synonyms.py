"""Synonym files: what documents print instead of the terms that people ask for.

Documents seldom print a ratio; they print the figures it is computed from. A query with one of a file's terms looks for
the phrases beside it as well, but only in the documents that the file is meant for.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from diptych.errors import SettingsError, list_mistakes

T = TypeVar("T")
SHIPPED = Path(__file__).with_name("synonym_files")


class _File(BaseModel):
    """A synonym file as it is written."""

    model_config = ConfigDict(extra="forbid")

    terms: Mapping[str, list[str]]
    phrases: Mapping[str, list[str]] = {}
    tables: Mapping[str, str] = {}
    patterns: Mapping[str, str] = {}
    documents: list[str] = []


class Term(NamedTuple):
    """A term that people ask for."""

    pattern: re.Pattern[str]
    phrases: tuple[str, ...]
    """What documents print instead."""
    tables: tuple[re.Pattern[str], ...] = ()
    """The titles of tables that answer."""


@dataclass(frozen=True, slots=True)
class Synonyms:
    """A synonym file."""

    terms: tuple[Term, ...]
    documents: tuple[str, ...] = ()
    """Only documents that contain one of these phrases are searched for synonyms; empty: all."""

    def related_phrases(self, text: str) -> tuple[str, ...]:
        """Distinct phrases for the terms in `text`, in the order of the file."""
        return tuple(dict.fromkeys(phrase for term in self._terms_in(text) for phrase in term.phrases))

    def related_tables(self, text: str) -> tuple[re.Pattern[str], ...]:
        """Distinct titles of tables for the terms in `text`."""
        return tuple(dict.fromkeys(title for term in self._terms_in(text) for title in term.tables))

    def _terms_in(self, text: str) -> list[Term]:
        plain = " ".join(text.replace("_", " ").split())
        return [term for term in self.terms if term.pattern.search(plain)]


@lru_cache(maxsize=8)
def load_synonyms(names: tuple[str, ...]) -> tuple[Synonyms, ...]:
    """The synonym files of the setting `synonyms`: names of shipped files, or paths.

    Raises `SettingsError` for a file that cannot be read.
    """
    return tuple(map(_load, names))


def _load(name: str) -> Synonyms:
    path = Path(name) if name.endswith(".toml") else SHIPPED / f"{name}.toml"
    try:
        file = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
        tables = {name: _compile(title, {}) for name, title in file.tables.items()}
        terms = tuple(
            Term(
                _compile(term, file.patterns),
                tuple(_spell_out(phrases, file.phrases)),
                tuple(tables[phrase[1:-1]] for phrase in phrases if phrase[1:-1] in tables),
            )
            for term, phrases in file.terms.items()
        )
    except FileNotFoundError as error:
        shipped = ", ".join(sorted(one.stem for one in SHIPPED.glob("*.toml")))
        raise SettingsError(
            f"setting `synonyms`: {name} does not exist; name a TOML file, or one that is shipped: {shipped}"
        ) from error
    except ValidationError as error:
        raise SettingsError(f"synonym file {path}: {list_mistakes(error.errors())[0]}") from error
    except (OSError, ValueError, re.error) as error:
        raise SettingsError(f"synonym file {path}: {error}") from error
    return Synonyms(terms, tuple(file.documents))


def _compile(term: str, patterns: Mapping[str, str]) -> re.Pattern[str]:
    """`{name}` stands for the pattern of that name."""
    term = re.sub(r"\{([a-z]\w*)\}", lambda name: _named(name[1], patterns), term)
    return re.compile(rf"(?<![^\W_])(?:{term})(?![^\W_])", re.IGNORECASE)


def _spell_out(phrases: Iterable[str], named: Mapping[str, list[str]]) -> Iterator[str]:
    """`{name}` stands for the phrases of that name."""
    for phrase in phrases:
        yield from _named(phrase[1:-1], named) if phrase.startswith("{") else (phrase,)


def _named(name: str, named: Mapping[str, T]) -> T:
    if name not in named:
        raise ValueError(f"there is no {{{name}}}")
    return named[name]
