"""The figures of a page, their captions, panels and text."""
