"""Networks: private, routed, filtered by rules in the kernel, with an edge where their public addresses live."""
