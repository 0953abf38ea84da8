"""The first step of the graph: the number of a part -> the pictures of its images, or why there are none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from chex.image_quality import why_not_reported
from chex.pixels import Radiograph, UnusableImage, header_alone, read_radiograph
from jobs.reporting.inputs import ImageReader
from jobs.reporting.part import NOT_REPORTED, READ_SCHEMA, READABLE, UNUSABLE, ModelInput, ReadImage, packed_images, row
from jobs.reporting.plan import Plan, uris_of_part
from pipelines.adapters import UnusableInput
from pipelines.conversion.isolation import isolated
from pipelines.faults import where_and_what
from pipelines.freed_memory import keep_freed_memory
from pipelines.output_folder import OutputFolder
from pipelines.stores import StoreUnreachable, store_faults, told

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PartReader:
    """A part's number -> READ_SCHEMA."""

    output: str
    plan: Plan
    model_input: ModelInput
    keep_headers: bool = False
    report_anyway: bool = False
    isolate: bool = False  # decode each image in a process of its own: what kills that one is the image's fault

    def __call__(self, number: int) -> pa.Table:
        keep_freed_memory()
        try:
            return self._read(number, uris_of_part(OutputFolder(self.output), self.plan, number))
        except StoreUnreachable as problem:
            return row(READ_SCHEMA, part=number, fault=str(problem))
        except store_faults() as problem:
            return row(READ_SCHEMA, part=number, fault=told(problem))

    def _read(self, number: int, uris: list[str]) -> pa.Table:
        images, pixels, headers = [], [], []
        with ImageReader() as reader:
            for uri in uris:
                image, picture, header = self.read_image(uri, reader.read)
                images.append(image)
                headers.append(header)
                if picture is not None:
                    pixels.append(picture)
        return row(
            READ_SCHEMA,
            part=number,
            images=packed_images(images),
            headers=headers if self.keep_headers else [],
            pixels=np.stack(pixels).tobytes() if pixels else b"",
        )

    def read_image(self, uri: str, read: Callable[[str], bytes]) -> tuple[ReadImage, np.ndarray | None, bytes | None]:
        """What is known of the image; (S, S) uint8 and the header of one that is to be reported on.

        Never raises for what an input holds; StoreUnreachable where no other image will fare better.
        """
        decode = isolated(read_radiograph) if self.isolate else read_radiograph
        try:
            data = read(uri)
            radiograph = decode(data, uri)
            reason = None if self.report_anyway else why_not_reported(radiograph)
            image = _known(uri, radiograph, reason)
            if reason is not None:
                return image, None, None
            picture = self.model_input.frame(image).image(radiograph.pixels)
            return image, picture, header_alone(data) if self.keep_headers else None
        except StoreUnreachable:
            raise
        except (UnusableImage, UnusableInput) as problem:
            stage, reason = problem.stage, problem.reason
        except FileNotFoundError:
            stage, reason = "read", "the file does not exist"
        except OSError as problem:
            stage, reason = "read", f"the file cannot be read ({type(problem).__name__})"
        except Exception as problem:  # noqa: BLE001  one odd file among a million must not stop the other 999,999
            log.error("an unforeseen fault while reading an image: %s", where_and_what(problem))
            stage, reason = "decode", f"unforeseen fault ({type(problem).__name__})"
        return ReadImage(uri, UNUSABLE, reason, stage), None, None


def _known(uri: str, radiograph: Radiograph, reason: str | None) -> ReadImage:
    return ReadImage(
        uri,
        NOT_REPORTED if reason else READABLE,
        reason,
        sha256=radiograph.sha256,
        sop_instance_uid=radiograph.sop_instance_uid,
        study_instance_uid=radiograph.study_instance_uid,
        height=radiograph.height,
        width=radiograph.width,
    )
