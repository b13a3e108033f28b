"""Paid requests of a backfill, sent to batch endpoints first."""
