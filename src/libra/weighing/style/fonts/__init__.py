"""The fonts in which a document's text is shown."""
