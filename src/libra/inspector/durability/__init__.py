"""How pages and watches become safe: the journal, the database and who writes them."""
