"""The two Qdrant collections and the documents register."""
