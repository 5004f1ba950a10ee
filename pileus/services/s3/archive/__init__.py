"""Objects in the cold classes, and how they are brought back for a while."""
