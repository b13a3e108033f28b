"""Files with structure but without layout: a sequence of blocks, which becomes passages and pictures."""
