"""Models of the API, derived from the library's types: with addresses instead of paths."""

import ast
import inspect
import textwrap
from collections.abc import Iterable
from dataclasses import MISSING, asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from pydantic import BaseModel, Field, create_model

from diptych.answering.answer import Answer, Reference
from diptych.library.parts import Part
from diptych.search.groups import Group
from diptych.search.hits import Face, Hit
from diptych.serve.options import PREFIX
from diptych.serve.prefix import address
from diptych.serve.store_fields import StoreField
from diptych.store.register import DocumentRecord
from extractors.types import ImageFile


def derive(kind: type[Any], name: str, omit: Iterable[str] = (), **changed: Any) -> Any:
    """A model with the fields of a dataclass and their docstrings; `changed`: others, by name."""
    hints, docs = get_type_hints(kind), _field_docs(kind)
    definitions: dict[str, Any] = {}
    for one in fields(kind):
        if one.name in omit or one.name in changed:
            continue
        required = one.default is MISSING and one.default_factory is MISSING
        default = {"default": ...} if required else {"default_factory": one.default_factory}
        if one.default is not MISSING:
            default = {"default": one.default}
        definitions[one.name] = (hints[one.name], Field(description=docs.get(one.name), **default))
    definitions |= {field: (type_, ...) for field, type_ in changed.items()}
    model: type[BaseModel] = create_model(name, __doc__=inspect.getdoc(kind), **definitions)
    return model


def _field_docs(kind: type[Any]) -> dict[str, str]:
    """Field -> the docstring below it."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(kind))).body
    assert isinstance(body, ast.ClassDef)
    docs = {}
    for field, doc in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant):
            docs[ast.unparse(field.target)] = " ".join(str(doc.value.value).split())
    return docs


class Picture(BaseModel):
    """A picture of the store."""

    address: str
    width: int
    """Pixels."""
    height: int


Address = Annotated[str | None, Field(description="Address of the picture on this server.")]

STORE_ONLY = ("uri", "fingerprint", "generation", "retired", "deleted", "images", "marker", "text_fingerprint")
"""Fields of a document's record that clients do not get: paths on this machine, and what only the store needs."""

if TYPE_CHECKING:  # which cannot know classes that are made at run time
    FaceModel = Any
    HitModel = Any
    GroupModel = Any
    PartModel = Any
    ReferenceModel = Any
    AnswerModel = Any
    DocumentModel = Any
    FieldModel = Any
else:
    FaceModel = derive(Face, "Face", image=Address)
    HitModel = derive(Hit, "Hit", omit=["source"], image=Address, faces=list[FaceModel])
    GroupModel = derive(Group, "Group", omit=["source"], hits=list[HitModel])
    PartModel = derive(Part, "Part", image=Picture | None)
    ReferenceModel = derive(Reference, "Reference", omit=["source"], image=Address)
    AnswerModel = derive(Answer, "Answer", omit=["text"], answer=str, citations=list[ReferenceModel])
    DocumentModel = derive(DocumentRecord, "Document", omit=STORE_ONLY)
    FieldModel = derive(StoreField, "Field")


def picture_address(image: str | None) -> str | None:
    """The address of a picture, from the path of its file."""
    return address(f"{PREFIX}/pictures/{Path(image).name}") if image else None


def image_address(image: ImageFile) -> str:
    return address(f"{PREFIX}/pictures/{image.sha256}{image.suffix}")


def show_hit(hit: Hit) -> dict[str, Any]:
    """The JSON of a hit: the fields of its model, with the addresses of its pictures."""
    shown = {name: getattr(hit, name) for name in HitModel.model_fields}
    faces = [{**asdict(face), "image": picture_address(face.image)} for face in hit.faces]
    return {**shown, "image": picture_address(hit.image), "faces": faces}


def show_group(group: Group) -> dict[str, Any]:
    shown = {name: getattr(group, name) for name in GroupModel.model_fields}
    return {**shown, "hits": list(map(show_hit, group.hits))}


def show_part(part: Part) -> dict[str, Any]:
    image = part.image
    picture = {"address": image_address(image), "width": image.width, "height": image.height} if image else None
    return {**asdict(part), "image": picture}


def show_answer(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer, with the addresses of its pictures; the text is called `answer`."""
    shown = answer.as_dict()
    for source in shown["citations"]:
        del source["source"]
        source["image"] = picture_address(source["image"])
    for dropped in shown["dropped"]:
        dropped["reason"] = answer.name_places(dropped["reason"])
    for statement in (*shown["sentences"], *shown["seen"]):
        statement["notes"] = list(map(answer.name_places, statement["notes"]))
    return shown
