"""Image files: photos and scanned pages."""
