"""How DICOM carries projection radiographs: which SOP classes hold them, and in which transfer syntaxes they are read."""

from __future__ import annotations

from pydicom import uid

# DX images "for processing" are raw: a reader is meant to see those "for presentation"
RADIOGRAPHY = (uid.ComputedRadiographyImageStorage, uid.DigitalXRayImageStorageForPresentation)
SECONDARY_CAPTURE = uid.SecondaryCaptureImageStorage  # scanned films, and much else

# What chex.pixels decodes, in the order of preference: as few steps as possible, without loss before with loss
TRANSFER_SYNTAXES = (
    uid.ExplicitVRLittleEndian,
    uid.ImplicitVRLittleEndian,
    uid.JPEGLSLossless,
    uid.JPEGLosslessSV1,
    uid.JPEGLossless,
    uid.JPEG2000Lossless,
    uid.HTJ2KLossless,
    uid.HTJ2KLosslessRPCL,
    uid.RLELossless,
    uid.DeflatedExplicitVRLittleEndian,
    uid.ExplicitVRBigEndian,
    uid.JPEG2000,
    uid.HTJ2K,
    uid.JPEGLSNearLossless,
    uid.JPEGExtended12Bit,
    uid.JPEGBaseline8Bit,
)
