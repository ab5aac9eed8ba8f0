"""One of everything that can be added to Klopf, a file each."""
