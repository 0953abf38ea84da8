"""Which decoder takes which compressed DICOM frame: only such that refuse damaged data instead of ending the process.

GDCM, which pydicom prefers where it is installed, aborts on some damaged frames, and a worker or a server with it.
"""

from __future__ import annotations

import threading

import numpy as np
from pydicom import uid

from chex.pixels.codestream import read_codestream

_IMAGECODECS = "imagecodecs"
_JPEG = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLossless, uid.JPEGLosslessSV1)
_JPEG_LS = (uid.JPEGLSLossless, uid.JPEGLSNearLossless)
_JPEG_2000 = (uid.JPEG2000Lossless, uid.JPEG2000, uid.HTJ2KLossless, uid.HTJ2KLosslessRPCL, uid.HTJ2K)
_PLUGINS = {
    uid.RLELossless: "pydicom",
    **dict.fromkeys(_JPEG_2000, "pylibjpeg"),
    **dict.fromkeys((*_JPEG, *_JPEG_LS), _IMAGECODECS),
}
_END_OF_IMAGE = b"\xff\xd9"
_REGISTERING = threading.Lock()

# Syntaxes whose samples are not the stored words bit by bit
LOSSY = (uid.JPEGBaseline8Bit, uid.JPEGExtended12Bit, uid.JPEGLSNearLossless, uid.JPEG2000, uid.HTJ2K)

# pydicom looks for this name and for `is_available` in a plugin's module
DECODER_DEPENDENCIES = dict.fromkeys((*_JPEG, *_JPEG_LS), ("imagecodecs",))


def is_available(syntax: str) -> bool:
    """True for every syntax that `decode_frame` is registered for."""
    return syntax in DECODER_DEPENDENCIES


def plugin_for(syntax: str) -> str:
    """The `decoding_plugin` with which pydicom is to decode a transfer syntax; "" for uncompressed ones."""
    plugin = _PLUGINS.get(syntax, "")
    if plugin == _IMAGECODECS:
        from pydicom.pixels import get_decoder

        with _REGISTERING:
            decoder = get_decoder(syntax)
            if plugin not in decoder.available_plugins:
                decoder.add_plugin(plugin, (__name__, decode_frame.__name__))
    return plugin


def decode_frame(source: bytes, runner) -> memoryview:
    """The bytes of one frame's samples as they are stored, color by pixel, as pydicom's `DecodeRunner` wants them.

    Raises:
        ValueError: cut off, or not the size that the header announces.
    """
    # one decoder would fill up what is missing, the other one search for it for seconds
    if not source.rstrip(b"\0\xff").endswith(_END_OF_IMAGE):
        raise ValueError("the compressed frame is truncated: its end-of-image marker is missing")
    values = _decode_jpeg_ls(source) if runner.transfer_syntax in _JPEG_LS else _decode_jpeg(source, runner)
    expected = (runner.rows, runner.columns) + ((runner.samples_per_pixel,) if runner.samples_per_pixel > 1 else ())
    if values.shape != expected:
        raise ValueError(f"expected a picture of {expected}, found {values.shape}")
    runner.set_option("bits_allocated", 8 * values.itemsize)
    if values.ndim == 3:
        runner.set_option("planar_configuration", 0)
    return np.ascontiguousarray(values).data.cast("B")


def _decode_jpeg_ls(source: bytes) -> np.ndarray:
    import imagecodecs

    return imagecodecs.jpegls_decode(source)


def _decode_jpeg(source: bytes, runner) -> np.ndarray:
    import imagecodecs

    if runner.samples_per_pixel == 1:
        return imagecodecs.jpeg8_decode(source)
    # the same space in and out: the decoder is not to convert colours by a guess of its own
    stream = read_codestream(source)
    if stream is not None and stream.transformed is not None:
        runner.set_option("photometric_interpretation", "YBR_FULL" if stream.transformed else "RGB")
    return imagecodecs.jpeg8_decode(source, colorspace="YCBCR", outcolorspace="YCBCR")
