"""What the sample corpus is made of: one module a document, and the tools they share."""
