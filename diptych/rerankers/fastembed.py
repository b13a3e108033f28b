"""Cross-encoders that fastembed runs on this machine: `fastembed:MODEL`."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from diptych.encoders.local import Lazy, choose_device, replace_surrogates
from diptych.encoders.model_files import ModelFiles
from diptych.errors import SettingsError
from diptych.models.meter import Meter
from diptych.rerankers.registry import PageContent, PageImage
from diptych.settings import Device, Settings


class CrossEncoder:
    """A `Reranker`. Reads each page on its own, so that its score does not depend on the others."""

    def __init__(self, model: str, files: ModelFiles, device: Device) -> None:
        self.name, self.files = f"fastembed:{model}", files
        self._model, self._device = model, device
        self._session = Lazy(self._open_session)

    def score(self, query: str, pages: Sequence[PageContent]) -> list[float]:
        session, query = self._session.get(), replace_surrogates(query)

        def score_page(page: PageContent) -> float:
            (score,) = session.rerank_pairs([(query, replace_surrogates(page.text))])
            return float(score)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(pool.map(score_page, pages))

    def _open_session(self) -> Any:
        from fastembed.rerank.cross_encoder import TextCrossEncoder

        cuda = choose_device(self._device) == "cuda"
        with self.files.loaded() as folder:
            return TextCrossEncoder(
                self._model, str(self.files.cache), threads=1, cuda=cuda, specific_model_path=str(folder)
            )


def load(variant: str, settings: Settings, meter: Meter, page_image: PageImage) -> CrossEncoder:
    """`variant` is the name of a cross-encoder as fastembed lists it. Raises `SettingsError` for another."""
    from fastembed.rerank.cross_encoder import TextCrossEncoder

    listed = {entry.model.lower(): entry for entry in TextCrossEncoder._list_supported_models()}
    entry = listed.get(variant.lower())
    if entry is None:
        known = ", ".join(sorted(one.model for one in listed.values()))
        raise SettingsError(f"reranker fastembed: no model is called `{variant}`; known: {known}")
    names = (entry.model_file, *entry.additional_files, "tokenizer.json", "tokenizer_config.json")
    megabytes = round(1000 * (entry.size_in_GB or 0))
    files = ModelFiles(str(entry.sources.hf), names, megabytes, settings.models, settings.cache)
    return CrossEncoder(entry.model, files, settings.device)
