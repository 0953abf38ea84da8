"""Reports as images arrive: take studies from the network, keep them, report on them, deliver the reports."""
