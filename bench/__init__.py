"""What is fast, and how we know: `make bench`. Never part of a test."""
