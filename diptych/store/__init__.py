"""The two Qdrant collections and the documents register, embedded or on a server."""
