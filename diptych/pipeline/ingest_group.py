"""Prepare small documents together, so that a paid encoder gets their texts and pictures in full requests.

The vectors go to the ledger, where the ingest of each document finds them. Each document is still committed by itself,
and a kill or a reached budget loses nothing that was paid for.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress

from diptych.captioners.caption import Captions
from diptych.encoders.ledger_encoder import LedgerEncoder
from diptych.errors import BudgetReached, ProviderError
from diptych.models.meter import Account, Charge, track_charges
from diptych.models.openai.embeddings import IMAGE_TOKENS, TextInput
from diptych.pipeline.extract_ahead import extract_ahead
from diptych.pipeline.missing_vectors import find_missing_vectors
from diptych.pipeline.pipeline import Pipeline, Prepared
from diptych.prices import Usage
from diptych.store.points import RequiredVector
from diptych.store.spaces import Spaces
from diptych.store.types import in_batches
from extractors.errors import ExtractionError
from extractors.formats import has_rows
from extractors.types import Source

GROUP_SIZE = 32
"""Documents: the texts of as many fill a request to the smallest servers."""


def group_sources(sources: Sequence[Source]) -> list[list[Source]]:
    """Rows of catalogues and image files in groups, every other document by itself."""
    small = [source for source in sources if _is_small(source)]
    return [*([source] for source in sources if not _is_small(source)), *in_batches(small, GROUP_SIZE)]


def needs_groups(spaces: Spaces) -> bool:
    """Whether an encoder is paid, and keeps its vectors in the ledger."""
    return any(isinstance(encoder, LedgerEncoder) for encoder in spaces.encoders.values())


def _is_small(source: Source) -> bool:
    return has_rows(source.path) or source.media_type.startswith("image/")


def prepare_group(sources: Sequence[Source], pipeline: Pipeline, workers: int) -> dict[str, Prepared]:
    """Extract and caption the small ones of these documents, and have their new parts encoded together.

    Returns what was prepared, by URI; nothing if no paid encoder would gain from it. A document that is missing here,
    because a budget was reached or a provider failed, is prepared and reported by its own ingest.
    """
    small = [source for source in sources if _is_small(source)]
    if len(small) < 2 or not needs_groups(pipeline.spaces):
        return {}
    if pipeline.check_models:
        pipeline.check_models()
    prepared: dict[str, Prepared] = {}
    for source, extraction in extract_ahead(small, pipeline.extract, workers):
        captions = Captions(())
        with track_charges() as account:
            try:
                if pipeline.captioner and not isinstance(extraction, ExtractionError):
                    captions = pipeline.captioner.caption(extraction, pipeline.pictures)
            except (BudgetReached, ProviderError):
                break
        prepared[source.uri] = Prepared(extraction, captions, account)
    _encode_together(list(prepared.values()), pipeline)
    return prepared


def _encode_together(documents: Sequence[Prepared], pipeline: Pipeline) -> None:
    """Add the vectors that the documents lack to the ledger, and charge each document for its share."""
    spaces = pipeline.spaces
    config = spaces.encoding_config(pipeline.language)
    required: dict[str, RequiredVector] = {}
    shares: dict[str, Counter[int]] = {}
    """Model -> index of the document -> estimated tokens."""
    for index, document in enumerate(documents):
        if isinstance(document.extraction, ExtractionError):
            continue
        missing = find_missing_vectors(document.extraction, document.captions.captions, config, pipeline.store).vectors
        for hash, vector in missing.items():
            encoder = spaces.text if isinstance(vector.content, str) else spaces.images
            if hash not in required and isinstance(encoder, LedgerEncoder):
                required[hash] = vector
                tokens = TextInput(vector.content).tokens if isinstance(vector.content, str) else IMAGE_TOKENS
                shares.setdefault(encoder.paid, Counter())[index] += tokens
    # After a failure, the ingest of each document encodes what is still missing, and reports what fails.
    with track_charges() as account, suppress(BudgetReached, ProviderError):
        spaces.encode(list(required.values()), pipeline.pictures)
    for model, charge in account.charges.items():
        _share_charge(model, charge, {documents[index].account: tokens for index, tokens in shares[model].items()})


def _share_charge(model: str, charge: Charge, shares: Mapping[Account, int]) -> None:
    """Divide a charge in proportion. The parts add up to exactly the requests and tokens of the whole."""
    total, reached, given = sum(shares.values()), 0, Usage()
    for account, share in shares.items():
        reached += share
        whole = Usage(charge.input_tokens * reached // total, requests=charge.requests * reached // total)
        account.add(model, whole - given, None if charge.usd is None else charge.usd * share / total)
        given = whole
