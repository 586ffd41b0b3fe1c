"""The paper's questions asked again: networks that differ in one thing, trained alike and compared over seeds."""
