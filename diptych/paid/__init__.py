"""Whatever costs money: usage, prices and budgets, the ledger that never pays twice, estimates, batch endpoints."""
