"""What a page weighs: fetch, find assets, measure, score. Knows nothing of processes or storage."""
