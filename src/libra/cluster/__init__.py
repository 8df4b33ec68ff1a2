"""Many nodes: web nodes and inspectors on NATS JetStream.

Only `libra.app` and the command `libra cluster` import this package.

State that must survive a machine lives in a record in the engine, not in a process. The engine provides
consensus, copies, queues, redelivery and expiry; this package implements none of them.

| Folder or module | Contents |
|---|---|
| `engine/` | the connection, which alone imports the client; answers and errors; consumers |
| `records/` | subjects, shards, streams and queues; the records of pages and watches |
| `node/` | this node, the other nodes, and messages; the access that web nodes share |
| `replica/` | a web node's copy of all pages; reading pages that it lacks |
| `weighing/` | taking pages from the queues, weighing and passing them on; progress for followers |
| `watches/` | watches and their turns |
| `durability/` | handing over to the engine, saving to the database, weighing alone |
| `pages` | the pages of a node, in place of those of `libra.inspector` |
| `joining`, `status` | building a node; the status of the cluster |
"""
