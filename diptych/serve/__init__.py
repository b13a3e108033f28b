"""A store as a server: a search page, a REST API and MCP in one process."""
