"""Spot requests: recorded with what they launched. There is no moving price yet, so nobody is interrupted."""
