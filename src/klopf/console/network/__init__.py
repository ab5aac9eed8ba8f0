"""A whole network on this machine: settings, data, processes, and what came of it. See ``play``."""
