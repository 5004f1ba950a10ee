"""Who may: bucket policies, access control lists, public access, and the condition keys of S3."""
