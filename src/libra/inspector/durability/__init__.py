"""How pages and watches become safe: the journal, the database and the processes that write them."""
