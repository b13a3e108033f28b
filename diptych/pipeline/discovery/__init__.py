"""The documents under paths: which files are read, which are skipped and why, and which are gone."""
