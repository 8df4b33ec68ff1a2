"""Foreign documents are parsed in processes that may die.

What holds the interpreter cannot be interrupted by a deadline in the same interpreter, and memory that C
code took is not given back. So the documents and style sheets of strangers are read by a few processes
with limits of memory and of processor time. One that passes them is killed: what it read has a named
error, and everybody else goes on.

`pool.Parsers` holds them, `reader.ParserReader` reads one page with them, `once.weigh_once` weighs one.
"""
