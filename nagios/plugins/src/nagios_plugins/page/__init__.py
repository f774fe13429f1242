"""The links' pages, a CGI behind Nagios' login: what a link carries, what is forecast, and how far to trust that.

The arrows go one way: kept (reads the store) → charts, words → views → templates; application answers.
"""
