"""From a question and its hits to an answer whose every citation is checked."""
