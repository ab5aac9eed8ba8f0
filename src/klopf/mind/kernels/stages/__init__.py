"""Input stages: what stands between an input and the network that learns from it, in one pass a sample."""
