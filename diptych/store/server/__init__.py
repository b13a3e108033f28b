"""The store on a Qdrant server. The only importer of `qdrant_client`."""
