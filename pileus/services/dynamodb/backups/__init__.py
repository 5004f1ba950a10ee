"""Backups: on demand, and to any moment of the last weeks."""
