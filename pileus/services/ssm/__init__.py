"""AWS Systems Manager: so far the public parameters that name the cloud's machine images.

Source: AWS Systems Manager User Guide, "Working with public parameters"; SSM API Reference, "GetParameter".
"""

from .public import ssm

__all__ = ["ssm"]
