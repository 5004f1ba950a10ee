"""Who exists: accounts, users, roles, keys and sessions, and what policies they carry.

The gateway reads this on every request; the IAM and STS services are the APIs that change it.
"""
