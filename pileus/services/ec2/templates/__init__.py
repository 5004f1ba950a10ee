"""Launch templates: what a launch asks for, kept under a name, in versions.

Source: EC2 API Reference, "CreateLaunchTemplate" and its kin; Amazon EC2 User Guide, "Store instance launch parameters
in Amazon EC2 launch templates".
"""
