"""A detector of the same size without text: a learned query per class, trained as the detector stage is."""
