"""From a question to one list of hits out of both collections."""
