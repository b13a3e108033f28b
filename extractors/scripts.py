"""Scripts that are written otherwise than with letters and spaces, as ranges of characters in regular expressions."""

UNSPACED = "\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef"
"""Chinese and Japanese, with their punctuation: no spaces between words."""
SYLLABLES = "\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af"
"""Chinese, Japanese and Korean: a character is a word or much of one."""
