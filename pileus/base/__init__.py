"""Values every layer shares: time, identifiers, names and the root of all errors. Imports nothing of ours."""
