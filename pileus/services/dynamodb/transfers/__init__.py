"""Whole tables to and from S3."""
