"""The learning pass, in compiled passes: see ``learn``, which composes them and is read from top to bottom.

Only ``state`` and ``plan`` are free of compiled code; what is compiled is imported when a learner first learns.
"""
