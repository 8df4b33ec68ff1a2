"""What goes between fetching and reading: references, orders, outcomes and sources. Plain data."""
