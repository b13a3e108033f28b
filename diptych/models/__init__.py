"""OpenAI and Anthropic models behind one interface, with prices, budgets and a ledger."""
