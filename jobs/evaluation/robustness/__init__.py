"""Parts of the robustness tasks: small changes of an image, and how much an answer changes with them."""
