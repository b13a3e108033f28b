"""Text recognition with Tesseract or RapidOCR."""
