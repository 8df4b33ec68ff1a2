"""How sizes, durations, counts and foreign text are written for people: see `libra.words`."""

from libra.words import count, duration, plain, sentence_list, shorten, signed_size, size

__all__ = ["count", "duration", "plain", "sentence_list", "shorten", "signed_size", "size"]
