"""From a queue to a report: pages that this node has taken, and what it writes of them."""
