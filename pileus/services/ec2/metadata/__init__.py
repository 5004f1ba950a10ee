"""The instance metadata service: what a machine is told at 169.254.169.254.

Source: Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata", "Instance metadata
categories". HTTP itself is the gateway's (`pileus/gateway/inside.py`).
"""

from .answering import Answer, answer

ADDRESS, PORT = "169.254.169.254", 80

__all__ = ["ADDRESS", "PORT", "Answer", "answer"]
