"""What a desk needs and a robot does not: data, training, calibration, evaluation."""
