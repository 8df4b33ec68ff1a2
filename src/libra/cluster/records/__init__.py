"""The data of a cluster in the engine: its layout and streams, and the records of pages and watches."""
