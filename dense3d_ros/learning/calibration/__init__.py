"""Fitting what a model's scores mean, after training, to images whose hands are known."""
