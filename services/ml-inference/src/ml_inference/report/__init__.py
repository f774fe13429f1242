"""Turns the figures of an evaluation into a page with charts and into the model card."""
