"""The pictures on a scanned page, found in its ink."""
