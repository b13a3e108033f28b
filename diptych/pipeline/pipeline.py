"""What the ingest of a document uses, and a document that was prepared for it."""

import hashlib
import json
from collections.abc import Callable, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from diptych.captioners.caption import Captions
from diptych.captioners.captioner import Captioner
from diptych.models.meter import Account
from diptych.picture_store import PictureStore
from diptych.places.places import Places
from diptych.store.disk_space import check_disk_space
from diptych.store.points import PointDraft
from diptych.store.register import DocumentRecord
from diptych.store.spaces import Spaces
from diptych.store.types import Store
from extractors.errors import ExtractionError
from extractors.formats import find_format
from extractors.pictures.store import image_path
from extractors.sandbox.sandbox import Sandbox
from extractors.types import Extraction, ImageFile, Options, Source


@dataclass(frozen=True, slots=True)
class Pipeline:
    """Everything that the ingest of a document uses."""

    store: Store
    spaces: Spaces
    sandbox: Sandbox
    options: Options
    picture_store: PictureStore
    language: str = "english"
    captioner: Captioner | None = None
    places: Places = field(default_factory=Places)
    check_models: Callable[[], None] | None = None
    """Called before a document is extracted; raises as `Runtime.check_models` if a paid model cannot be used."""

    @property
    def pictures(self) -> Path:
        """Folder of the picture store."""
        return self.picture_store.folder

    def fingerprint(self, source: Source, *, whole: bool = False) -> str:
        """Changes whenever the same bytes would give other parts. (The encoders are bound to the whole store.)

        `whole`: as if all pages were read.
        """
        row = find_format(source.path)
        options = asdict(replace(self.options, tokenizer=None, pages=None))  # without paths of this machine
        if whole or not self.options.page_range:
            del options["page_range"]
        parts = [row.name if row else "", row.version if row else 0, options]
        if self.captioner:
            parts.append(self.captioner.fingerprint)
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]

    def check_disk_space(self) -> None:
        """Raises `StoreError` if the disk of the store or of the pictures is full, or pictures cannot be stored."""
        self.store.check_disk_space()
        check_disk_space(self.pictures)
        self.picture_store.check_writable()

    def save_pictures(self, drafts: Sequence[PointDraft], shown: Set[ImageFile]) -> None:
        """Store the pictures of a new version, before its commit makes them visible, but for those `shown` already.

        Raises `StoreError`; the document is as it was then.
        """
        images = {ImageFile(**draft.payload["image"]) for draft in drafts} - shown
        self.picture_store.save(image_path(image, self.pictures) for image in images)

    def extract(self, source: Source) -> Extraction:
        """The parts of a document, wherever it is. Raises `ExtractionError`, and as `check_disk_space` does."""
        self.check_disk_space()
        try:
            with self.places.opened(source) as local:
                extraction = self.sandbox.extract(local, self.options, self.pictures)
                read = replace(source, sha256=local.sha256, fields=extraction.source.fields)
                return replace(extraction, source=read)
        finally:
            self.check_disk_space()  # on a full disk, a picture would be reported as broken


@dataclass(frozen=True, slots=True)
class Prepared:
    """What was done for a document before its turn, together with others."""

    extraction: Extraction | ExtractionError
    captions: Captions
    account: Account
    """What it cost."""


def needs_work(source: Source, before: DocumentRecord | None, pipeline: Pipeline, *, retry: bool = False) -> bool:
    """Whether a document must be ingested.

    Its bytes or the pipeline changed, it failed temporarily, or it exceeded limits that have changed. A document that
    is stored as a whole is left so when only some pages are read.

    `retry`: also if it failed permanently or is partial.
    """
    if before is None or before.deleted or before.transient or (retry and before.status != "complete"):
        return True
    if before.limits and before.limits != str(pipeline.sandbox.limits):
        return True
    accepted = pipeline.fingerprint(source), pipeline.fingerprint(source, whole=True)
    return not _has_bytes_of(before, source) or before.fingerprint not in accepted


def _has_bytes_of(before: DocumentRecord, source: Source) -> bool:
    """Whether a document was made from the bytes that the source has now, as far as that is known without reading."""
    marker = source.state.marker
    return before.sha256 == source.sha256 if source.sha256 else bool(marker) and before.marker == marker
