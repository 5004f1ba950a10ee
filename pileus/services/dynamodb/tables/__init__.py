"""Tables: how they are made, described, changed and given up."""
