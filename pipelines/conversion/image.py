"""What becomes of one image: its bytes and everything that is said about it, as the sample that is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from chex import __version__
from chex.body_part import off_topic
from chex.pixels import Radiograph, encode_stored
from chex.records import Annotations, Box, Sample, Study
from pipelines.adapters import AnnotationSource, LeftOut, SourceError, UnusableInput
from pipelines.stores import StoreUnreachable

Decode = Callable[[bytes, str, int], Radiograph]  # bytes, URI, the stored image's shorter side in pixels


def convert_image(
    study: Study, content: bytes, sources: Sequence[AnnotationSource], image_size: int, decode: Decode
) -> Sample:
    """The row of one image: its pixels at the stored size and what all sources say about it.

    `content` are the file's bytes; `decode` is `chex.pixels.read_radiograph` or does as it does.

    Raises:
        LeftOut: a rule of a dataset leaves the image out.
        UnusableImage, UnusableInput: the file or an annotation is broken.
        SourceError: a source as a whole is broken.
        StoreUnreachable: an annotation's store does not answer.
    """
    radiograph = decode(content, study.uri, image_size)
    study = study if study.view else replace(study, view=radiograph.view)
    height, width = radiograph.height, radiograph.width
    elsewhere = off_topic(radiograph.body_part)
    return Sample(
        study=study,
        annotations=_annotations(study, sources, height, width),
        image=encode_stored(radiograph.pixels),
        height=radiograph.pixels.shape[0],
        width=radiograph.pixels.shape[1],
        original_height=height,
        original_width=width,
        pixel_notes=radiograph.notes + ((elsewhere,) if elsewhere else ()),
        source_sha256=radiograph.sha256,
        converter_version=__version__,
    )


def _annotations(study: Study, sources: Sequence[AnnotationSource], height: int, width: int) -> Annotations:
    """All sources' annotations joined; their boxes are relative, so resizing does not concern them."""
    joined = Annotations()
    for source in sources:
        try:
            found = source.annotations(study, height, width)
        except (LeftOut, UnusableInput, SourceError, StoreUnreachable):
            raise
        except Exception as error:  # broken annotations fail in every way there is; the text may quote a patient's
            kind = type(source).__module__.rpartition(".")[2].replace("_", "-")
            raise UnusableInput("annotate", f"{kind}: cannot be read ({type(error).__name__})") from error
        if found is not None:
            joined = joined.joined_with(found)
    for box in _boxes(joined):
        if not (0 <= box[0] < box[2] <= 1 and 0 <= box[1] < box[3] <= 1):
            raise UnusableInput("annotate", f"a box is not within the image: {tuple(round(edge, 4) for edge in box)}")
    return joined


def _boxes(annotations: Annotations) -> Iterator[Box]:
    yield from (region.box for region in annotations.anatomy)
    yield from (found.box for found in annotations.pathology_boxes)
    yield from (box for phrase in annotations.grounded for box in phrase.boxes)
