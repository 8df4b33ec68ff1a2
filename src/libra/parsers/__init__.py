"""Foreign documents are parsed in processes that may be killed.

A deadline cannot interrupt C code that holds the interpreter, and memory that C code took is not given
back. So a few processes with limits of memory and of processor time read the documents and
stylesheets of strangers. A process that exceeds a limit is killed. Its document gets a named error,
and all other work continues.

`pool.Parsers` manages the processes, `reader.ParserReader` reads one page with them, and
`once.weigh_once` weighs one page.
"""
