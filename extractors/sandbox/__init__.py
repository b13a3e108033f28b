"""Worker processes that open untrusted files, and can be stopped at any time."""
