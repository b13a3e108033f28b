"""Documents within documents: the members of archives, and the attachments of mails and PDF files."""
