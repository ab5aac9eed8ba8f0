"""What executes a transaction, behind one method."""
