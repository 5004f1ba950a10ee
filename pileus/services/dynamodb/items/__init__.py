"""Items: how they are kept, read, written, found and charged for."""
