"""Sends a measured trace through a running gateway, row by row, and scores what comes back."""
