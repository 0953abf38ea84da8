"""What Chex-Ray must be better than, one file each: factories of what answers the evaluation's tasks like a session."""
