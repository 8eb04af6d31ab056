"""Finds the best setting of each stick, and keeps it; profiles that move all sticks at once."""
