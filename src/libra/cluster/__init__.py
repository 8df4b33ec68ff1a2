"""Many nodes: web nodes and inspectors on NATS JetStream. Nothing else knows of it, `libra.app` aside.

What must survive a machine lives in a record in the engine, not in a process: consensus, copies, queues,
redelivery and expiry are the engine's, and none of them is written here.

| Module | What |
|---|---|
| `engine`, `answers` | the connection, the only one that knows the client; what comes of it |
| `pulling` | taking from a consumer |
| `layout`, `streams` | what a cluster is, subjects and shards; its streams and queues |
| `records`, `known`, `fitting` | what is kept of a page, and how it is cut to fit |
| `kept_watches`, `known_database` | what is kept of a watch, and of the database |
| `node`, `node_name`, `ports` | this node, and what its parts ask of one another |
| `presence`, `messages` | who else is there, and questions between nodes |
| `politeness` | servers that several nodes fetch from |
| `access` | whom all web nodes let in |
| `ledger` | which nodes there are, and what only they have |
| `replica`, `feed` | what a node that serves holds of all pages; the messages of a shard that feed it |
| `taking`, `lease` | taking pages from the queues; one that was taken |
| `weighing`, `following` | weighing them here, handing over; telling those who follow |
| `patient_writes` | what is written of them, for as long as that takes |
| `passing` | pages that go on elsewhere, and results of CI |
| `handing_over`, `page_writes` | having the engine take what comes in here |
| `alone` | what a node does by itself while the engine is away |
| `watches` | watches and their turns |
| `storing`, `database` | having the database take what is finished; whether it is there |
| `durability`, `pages`, `page_reader` | what `libra.inspector` meets in the place of its own |
| `joining`, `status` | building a node; what it says of the cluster |
"""
