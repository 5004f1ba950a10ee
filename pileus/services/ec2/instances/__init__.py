"""Instances: machines as EC2 knows them, from launch to termination."""
