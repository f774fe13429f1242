"""Replays recorded traces through the alerts at full speed, and counts what an operator would have seen.

The arrows go one way: linkset → series → scores, rivals → verdict → text, charts, page. No service imports this.
"""
