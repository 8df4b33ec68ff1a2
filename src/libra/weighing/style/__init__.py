"""What a document comes to with its style sheets, and what that makes a browser fetch."""
