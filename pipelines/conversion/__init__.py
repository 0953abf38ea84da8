"""The parts of a conversion: plan, shards, images, manifest; the door is pipelines/convert.py."""
