"""Budgets, Libra's own and Lighthouse's: what a page may weigh, and the alarms when it weighs more."""
