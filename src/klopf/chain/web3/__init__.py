"""The chain as a web3.py provider in this process."""
