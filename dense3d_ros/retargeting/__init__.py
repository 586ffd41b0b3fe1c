"""From a person's hand to the joints of a robot: grippers with NumPy alone, hands with dex-retargeting."""
