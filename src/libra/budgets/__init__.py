"""Budgets: what a page may weigh, Libra's own and Lighthouse's, and what is told when it weighs more."""
