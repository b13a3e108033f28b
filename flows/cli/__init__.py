"""The `diptych` command, one module per subcommand."""
