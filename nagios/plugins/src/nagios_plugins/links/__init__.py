"""What is known of the links that are watched: where their counters come from, what they carried, what was forecast.

The arrows go one way: sources → samples → store ← outlook, alarm, accuracy ← the checks and the page.
"""
