"""Many nodes: web nodes and inspectors on NATS JetStream. Nothing else knows of it, `libra.app` aside.

What must survive a machine lives in a record in the engine, not in a process: consensus, copies, queues,
redelivery and expiry are the engine's, and none of them is written here.

| Folder or module | What |
|---|---|
| `engine/` | the connection, which alone knows the client; answers and errors; consumers |
| `records/` | subjects, shards, streams and queues; what is kept of pages and watches |
| `node/` | this node, the other nodes, and messages; whom web nodes let in |
| `replica/` | all pages, as a node that serves holds them; reading what it does not hold |
| `weighing/` | taking pages from the queues, weighing them, passing them on, telling those who follow |
| `watches/` | watches and their turns |
| `durability/` | handing over to the engine, storing in the database, what a node does alone |
| `pages` | what `libra.inspector` meets in the place of its own pages |
| `joining`, `status` | building a node; what it says of the cluster |
"""
