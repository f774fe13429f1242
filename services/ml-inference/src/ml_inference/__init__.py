"""Forecasts the bandwidth of network links: training makes bundles, serving answers from one."""
