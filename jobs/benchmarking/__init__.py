"""A benchmark on phantoms: Chex-Ray and what it must be better than, on the same data and tasks."""
