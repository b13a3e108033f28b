"""What the runs of flows share: an open store, tasks and where they work, states, events, progress."""
