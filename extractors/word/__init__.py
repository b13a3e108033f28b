"""Word processing files: DOCX, DOC, ODT and RTF."""
