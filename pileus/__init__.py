"""Pileus: a cloud that fits on one Linux machine and speaks AWS's own API."""

__version__ = "0.1.0"
