"""The campaign against the nodes, over real DDS: what they are sent is wrong, and what they say has to be right.

`make faults` runs it, `python -m faults --help` explains it; docs/robustness.md says what is promised.
"""
