"""Placement groups: which machines belong together, and the rules of each strategy."""
