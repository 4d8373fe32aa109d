"""Which state machine: candidates on the shipped table and ledger, each asked the same hostile questions."""
