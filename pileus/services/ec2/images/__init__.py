"""Machine images: those that the cloud offers to everybody, and those that accounts make."""
