"""How the network runs: each runtime takes crops as arrays and gives joints as arrays."""
