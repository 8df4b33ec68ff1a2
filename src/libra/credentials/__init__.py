"""Who may come in: access tokens, and the key that sessions of browsers are signed with."""
