"""Raw datasets as they lie on a disk or in a store: folders, archives, tables, boxes, image files."""
