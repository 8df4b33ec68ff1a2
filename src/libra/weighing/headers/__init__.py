"""What the headers of a document mean, and the elements that stand for them: policies, refreshes."""
