"""What commands do: a snapshot in and rows out, or one order to the command bus."""
