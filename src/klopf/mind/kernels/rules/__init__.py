"""How weights learn: one file a rule, with its name, its hyperparameters, what it keeps, its paper and its kernel."""
