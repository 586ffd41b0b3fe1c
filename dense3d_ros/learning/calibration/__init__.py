"""Fitting what a model's scores mean, after training, to pictures whose hands are known."""
