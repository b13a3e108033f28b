"""Checks of this machine: what is installed, what is missing, and how to fix it."""
