"""The file: blocks, and every version of every account and slot; whose turn it is to write."""
