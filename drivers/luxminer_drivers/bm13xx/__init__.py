"""What BM1387 and all later chip families share: frames, clock, tickets, chains, controllers."""
