"""Export and import of a whole store, with what was paid for."""
