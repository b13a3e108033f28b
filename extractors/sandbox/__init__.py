"""The killable, memory-capped worker processes in which untrusted files are opened."""
