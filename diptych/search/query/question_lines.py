"""The lines of a file of questions, one JSON object each, as `query --batch` and `evaluate` read them."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, NonNegativeInt, ValidationError, model_validator

from diptych.errors import QueryError, list_mistakes
from diptych.search.query.query import Query
from diptych.search.query.query_options import Modality
from diptych.where import Expression, all_of, parse_where, where_from_fields


class QuestionLine(BaseModel):
    """A question with the options of its own. Other keys are ignored, and null stands for nothing."""

    id: Any
    text: str = ""
    image: str = ""
    """A URL, or a path that starts in the folder of the file."""
    where: str | dict[str, Any] = ""
    least: dict[Modality, NonNegativeInt] = {}
    exact: dict[Modality, NonNegativeInt] = {}
    literal: bool = False

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, line: Any) -> Any:
        if not isinstance(line, dict):
            return line
        return {name: value for name, value in line.items() if value is not None or name == "id"}

    def query(self, folder: Path, condition: Expression | None = None) -> Query:
        """`folder`: that of the file; `condition`: a filter for all of its questions. Raises `QueryError`."""
        from extractors.catalog.table import is_url

        if not self.text.strip() and not self.image:
            raise QueryError("the question has neither text nor image")
        image = self.image if is_url(self.image) else folder / self.image
        if isinstance(image, Path) and self.image and not image.is_file():
            raise QueryError(f"{image}: no such image file")
        own = where_from_fields(self.where) if isinstance(self.where, dict) else None
        if isinstance(self.where, str) and self.where:
            own = parse_where(self.where)
        least, exact = ({str(kind): count for kind, count in one.items()} for one in (self.least, self.exact))
        where = all_of(condition, own)
        return Query(self.text, image if self.image else None, where, literal=self.literal, least=least, exact=exact)


L = TypeVar("L", bound=QuestionLine)
T = TypeVar("T")


def parse_lines(lines: Iterable[str], path: Path, form: type[L], make: Callable[[L], T]) -> Iterator[T]:
    """What `make` returns for each line that is not blank. Raises `QueryError` with the line, also that of `make`."""
    for number, text in enumerate(lines, start=1):
        if not text.strip():
            continue
        try:
            yield make(form.model_validate_json(text))
        except ValidationError as error:
            raise QueryError(f"{path}, line {number}: {list_mistakes(error.errors())[0]}") from error
        except QueryError as error:
            raise QueryError(f"{path}, line {number}: {error}") from error
