"""The sample documents: one module for each, and the drawing tools they share."""
