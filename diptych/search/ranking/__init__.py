"""From ranked lists of the store to one order of passages and pictures."""
