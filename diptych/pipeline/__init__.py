"""From files to stored points: ingest, estimate, batch APIs, export and maintenance."""
