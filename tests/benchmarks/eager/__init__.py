"""The model as a plain eager implementation computes it: what the benchmark compares with.

Every prompt token of an image is a query of one masked self-attention, texts are encoded at every call and padded to
the whole context, and 32 sentences at a time are decoded by the library's own loop until the longest is finished.
"""
