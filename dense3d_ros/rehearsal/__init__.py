"""Processes and observers of the demo and the benchmark: they know ROS, and never run on a robot."""
