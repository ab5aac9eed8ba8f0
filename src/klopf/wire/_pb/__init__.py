"""Generated from ``wire.proto`` by ``regenerate.sh``; a test holds the two together. Not to be edited."""
