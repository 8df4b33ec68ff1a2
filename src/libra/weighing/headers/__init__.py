"""Document headers and the elements that stand for them: policies and refreshes."""
