"""From a queue to a report: the pages that this node has taken, and their writes to the engine."""
