"""What S3 delivers to buckets by itself: access logs and inventory reports."""
