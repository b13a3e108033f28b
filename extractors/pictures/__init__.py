"""Image bytes: decoding image files, and the store that keeps each image once."""
