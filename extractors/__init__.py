"""A file in, its parts out: passages and pictures. No network, no Prefect, no Qdrant; OCR is the only model."""

import os

# ONNX Runtime, which runs OCR and local encoders, reports its use to Microsoft from its import on; it reads this then.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
