"""Who is replaced, and when: one file a life, with its name, its hyperparameters, what it keeps, paper and kernel."""
