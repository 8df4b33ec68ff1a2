"""The winning declarations of each element, and the values of its properties."""
