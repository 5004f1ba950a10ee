"""EBS: volumes, snapshots, and how they get to machines."""
