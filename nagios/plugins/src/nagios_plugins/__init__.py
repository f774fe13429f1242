"""The platform's own Nagios checks, each a small file of acquire → evaluate → present."""
