"""Replication: versions carried to other buckets, of this region or account or of others."""
