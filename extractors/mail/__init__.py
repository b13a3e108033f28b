"""Mail: its headers and body; attachments are documents of their own."""
