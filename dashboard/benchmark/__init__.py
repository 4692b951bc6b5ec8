"""Measuring: plans, ground truth, the timed loop, statistics."""
