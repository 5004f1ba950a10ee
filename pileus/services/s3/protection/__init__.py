"""Object lock: retention, legal holds, and the default a bucket gives."""
