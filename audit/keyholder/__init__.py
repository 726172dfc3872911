"""The key holder: a process of its own that opens a key only for an entry of the log.

It owns the key directory and the log's signing key. It signs a checkpoint only if that extends the
last one it stood by, and counts every key it opened in a journal that reconciles with the log.
"""
