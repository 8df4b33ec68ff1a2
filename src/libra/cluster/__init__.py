"""Many nodes: web nodes and inspectors on NATS JetStream. Only `libra.app` imports this package.

State that must survive a machine lives in a record in the engine, not in a process. The engine provides
consensus, copies, queues, redelivery and expiry; this package implements none of them.

| Module | Contents |
|---|---|
| `engine`, `answers` | the connection, the only module that imports the client; its answers |
| `pulling` | taking messages from a consumer |
| `layout`, `streams` | the identity of a cluster, subjects and shards; its streams and queues |
| `records`, `known`, `fitting` | the engine's record of a page, and how it is cut to fit |
| `kept_watches`, `known_database` | the engine's record of a watch, and of the database |
| `node`, `node_name`, `ports` | this node, and the interfaces between its parts |
| `presence`, `messages` | which nodes are present, and questions between nodes |
| `politeness` | servers that several nodes fetch from |
| `access` | the tokens and the session key that all web nodes accept |
| `ledger` | all known nodes, and the entries that only they hold |
| `replica`, `feed` | a web node's copy of all pages; the messages of a shard that feed it |
| `taking`, `lease` | taking pages from the queues; a page that was taken |
| `weighing`, `following` | weighing the taken pages, and handing over; sending progress to followers |
| `patient_writes` | writes of their records, retried until they succeed |
| `passing` | pages that another node continues, and results of CI |
| `handing_over`, `page_writes` | submissions and deletions of this node, written to the engine |
| `alone` | the pages that a node weighs while the engine is away |
| `watches` | watches and their turns |
| `storing`, `database` | saving finished entries to the database; whether the database is available |
| `durability`, `pages`, `page_reader` | the ports of `libra.inspector` for a cluster |
| `joining`, `status` | building a node; the status of the cluster |
"""
