"""What an answer is worth beyond its figure: calibration, stability under small changes, faithfulness of boxes."""
