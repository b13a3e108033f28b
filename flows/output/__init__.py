"""What people see: lines and tables on a terminal, Markdown for the Prefect UI, progress."""
