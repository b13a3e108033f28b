"""Code shared by the flows and the commands: open stores, task runners, progress, and output for people."""
