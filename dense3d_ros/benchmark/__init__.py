"""How long everything takes: `dense3d benchmark`."""
