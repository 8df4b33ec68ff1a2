"""Plain data passed between fetching and reading: references, orders, outcomes and sources."""
