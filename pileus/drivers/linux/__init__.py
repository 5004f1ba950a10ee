"""What the drivers ask of the Linux kernel directly: mounts, namespaces, loop devices, control groups, extents. Only
the standard library is used, for the programs that outlive this process use it too."""
