"""The public classes `Diptych` and `AsyncDiptych`."""
