"""The store in a folder: qdrant-edge shards. The only importer of `qdrant_edge`."""
