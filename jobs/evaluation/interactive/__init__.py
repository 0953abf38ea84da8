"""Parts of the interactive tasks: findings with a side, the questions about them, and how far a box moves."""
