"""Agent frameworks that keep their sessions in a ledger: one module a framework, each an extra of its own."""
