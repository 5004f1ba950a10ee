"""Volumes: sparse disks in a pool, images and snapshots they are copies of, and how a machine gets to see them."""
