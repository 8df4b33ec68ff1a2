"""What the engine of a cluster does, tried before anything is built on it.

Each module is a program: ``PYTHONPATH=tests python -m benchmarks.cluster.idle``, and prints what it
found as lines of text. They talk to real NATS servers and not to Libra;
`figures`, which `python -m benchmarks cluster` measures, is about Libra.
"""
