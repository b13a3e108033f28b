"""One command of the command line in each module; what is heavy is imported when a command runs."""
