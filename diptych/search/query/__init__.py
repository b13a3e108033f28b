"""What users ask: the query, its options, and what its wording says."""
