"""Optical character recognition with Tesseract or RapidOCR."""
