"""Watches: a process for each, its weigh-ins and its alerts."""
