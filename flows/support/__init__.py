"""Shared by flows and commands: open stores, task runners, progress, and text for people."""
