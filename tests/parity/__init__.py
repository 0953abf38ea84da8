"""Every recorded case of the authors' implementation, computed again by this project's own code.

`python -m tests.parity CASE_DIR` compares; `tests/parity/deviations.md` lists where ours differs, and why.
"""
