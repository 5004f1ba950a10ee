"""Machines: guests with an init of their own, a root disk, addresses and limits."""
