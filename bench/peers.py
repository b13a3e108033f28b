"""Peers, each in an environment of its own that is created when it is first needed: gigabytes, and a network."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench.measurement import CACHE

PEERS = {
    "LlamaIndex": (
        "llama_index_pipeline",
        ("llama-index-core==0.14.25", "llama-index-readers-file", "llama-index-embeddings-huggingface", "pymupdf==2.0"),
    ),
    "unstructured": ("unstructured_fast", ("unstructured[pdf]==0.18.32",)),
    "Docling": ("docling_convert", ("docling==2.143.0",)),
}
"""Name -> its program in `peer_programs`, and what that needs."""


@dataclass(frozen=True, slots=True)
class PeerCost:
    """What a peer took, without its start and the loading of its models."""

    seconds: float
    processor: float
    """Processor seconds."""
    did: str


def run_peer(name: str, *arguments: object) -> PeerCost | None:
    """Run the program of a peer; None, with a message, if it cannot be installed or fails."""
    program, requirements = PEERS[name]
    script = Path(__file__).parent / "peer_programs" / f"{program}.py"
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "true"}
    try:
        python = _environment(program, requirements)
        with tempfile.TemporaryDirectory(prefix="diptych-bench-") as place:
            command = [str(python), str(script), *map(str, arguments)]
            done = subprocess.run(command, cwd=place, env=environment, check=True, capture_output=True, text=True)
        return PeerCost(**json.loads(done.stdout.splitlines()[-1]))
    except subprocess.CalledProcessError as error:
        reason = (error.stderr or "").strip().splitlines()[-1:] or [str(error)]
        print(f"{name} is left out: {reason[0][:300]}", file=sys.stderr)
        return None


def _environment(name: str, requirements: tuple[str, ...]) -> Path:
    """The Python of an environment with these packages."""
    folder = CACHE.parent / "peers" / name
    python, ready = folder / "bin" / "python", folder / "ready"
    wanted = "\n".join(requirements)
    if not ready.exists() or ready.read_text() != wanted:
        print(f"installing {name} in {folder} …", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True, capture_output=True, text=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements]
        subprocess.run(install, check=True, capture_output=True, text=True)
        ready.write_text(wanted)
    return python
