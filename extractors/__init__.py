"""A file in, its parts out: passages and pictures. No network, no Prefect, no Qdrant; OCR is the only model."""
