"""The views that ship, a file each."""
