from __future__ import annotations

import io
import pickle
import struct
import zlib

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_voi, apply_windowing
from pydicom.sequence import Sequence

from chex.pixels import UnusableImage, decode_stored, encode_stored, read_radiograph, resize
from tests.made_dicom import made_dataset, made_dicom

RAMP = np.arange(4096, dtype=np.uint16).reshape(64, 64)


def pixels_of(data: bytes) -> np.ndarray:
    return read_radiograph(data, "x.dcm").pixels


def picture(array: np.ndarray, kind: str = "PNG", **options) -> bytes:
    sink = io.BytesIO()
    Image.fromarray(array).save(sink, kind, **options)
    return sink.getvalue()


def sequence_item(**elements) -> Sequence:
    item = Dataset()
    for keyword, value in elements.items():
        setattr(item, keyword, value)
    return Sequence([item])


def saved(dataset: Dataset, strict: bool = True) -> bytes:
    sink = io.BytesIO()
    pydicom.dcmwrite(sink, dataset, enforce_file_format=strict)
    return sink.getvalue()


# Grey values of DICOM files


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize(("center", "width"), [(2048, 1000), (600, 3000), (1000.5, 777)])
def test_window_agrees_with_pydicom(function, center, width):
    elements = {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": function}
    expected = apply_windowing(RAMP, made_dataset(RAMP, **elements)) / 4095 * 255
    assert np.abs(pixels_of(made_dicom(RAMP, **elements)) - expected).max() <= 0.51


def test_window_acts_on_rescaled_values():
    elements = {"RescaleSlope": 2, "RescaleIntercept": -1000, "WindowCenter": 1000, "WindowWidth": 2000}
    expected = np.clip((2.0 * RAMP - 1000 - 999.5) / 1999 + 0.5, 0, 1) * 255
    radiograph = read_radiograph(made_dicom(RAMP, **elements), "x")
    assert np.abs(radiograph.pixels - expected).max() <= 0.51
    assert radiograph.notes == ("rescaled by 2 x + -1000", "window center 1000 width 2000")


def test_first_of_several_windows_is_used():
    several = made_dicom(RAMP, WindowCenter=[2048, 100], WindowWidth=[1000, 50])
    assert (pixels_of(several) == pixels_of(made_dicom(RAMP, WindowCenter=2048, WindowWidth=1000))).all()


def test_monochrome1_is_the_inverse_of_monochrome2():
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    plain = pixels_of(made_dicom(RAMP, **window)).astype(int)
    radiograph = read_radiograph(made_dicom(RAMP, PhotometricInterpretation="MONOCHROME1", **window), "x")
    assert np.abs(255 - plain - radiograph.pixels).max() <= 1
    assert "MONOCHROME1 inverted" in radiograph.notes


def test_signed_values():
    signed = (RAMP.astype(np.int16) - 2048).astype(np.int16)
    window = pixels_of(made_dicom(signed, bits=16, WindowCenter=0, WindowWidth=4096))
    assert (window == pixels_of(made_dicom(RAMP, WindowCenter=2048, WindowWidth=4096))).all()


def test_bits_beyond_those_stored_are_ignored():
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    assert (pixels_of(made_dicom(RAMP | 0x8000, **window)) == pixels_of(made_dicom(RAMP, **window))).all()


def test_voi_table_agrees_with_pydicom_and_goes_before_the_window():
    table = (np.sqrt(np.arange(4096) / 4095) * 65535).astype(np.uint16)
    sequence = sequence_item(LUTDescriptor=[4096, 0, 16], LUTData=table.tobytes())
    elements = {"VOILUTSequence": sequence, "WindowCenter": 1, "WindowWidth": 2}
    data = made_dicom(RAMP, **elements)
    expected = apply_voi(RAMP, pydicom.dcmread(io.BytesIO(data))) / 65535 * 255
    radiograph = read_radiograph(data, "x")
    assert np.abs(radiograph.pixels - expected).max() <= 0.51
    assert radiograph.notes == ("VOI LUT applied",)


def test_modality_table():
    table = np.arange(4095, -1, -1, dtype=np.uint16).tobytes()
    sequence = sequence_item(LUTDescriptor=[4096, 0, 16], LUTData=table, ModalityLUTType="US")
    turned = pixels_of(made_dicom(RAMP, ModalityLUTSequence=sequence, WindowCenter=2048, WindowWidth=4096))
    assert (turned == pixels_of(made_dicom(RAMP, WindowCenter=2048, WindowWidth=4096))[::-1, ::-1]).all()


def test_padding_is_black_and_outside_the_range():
    values = RAMP // 4 + 1000  # 1000 to 2023
    values[:, :20] = 4000
    for photometric in ("MONOCHROME1", "MONOCHROME2"):
        data = made_dicom(values, PixelPaddingValue=4000, PhotometricInterpretation=photometric)
        radiograph = read_radiograph(data, "x")
        assert (radiograph.pixels[:, :20] == 0).all()
        assert radiograph.pixels[:, 20:].max() == 255, "the padding must not use up the range"
        assert radiograph.notes[0] == "padding value 4000: 31.2% of the pixels made black"


def test_padding_range():
    values = RAMP.copy()
    radiograph = read_radiograph(made_dicom(values, PixelPaddingValue=0, PixelPaddingRangeLimit=99), "x")
    assert (radiograph.pixels.ravel()[:100] == 0).all()
    assert "padding value 0: 2.4% of the pixels made black" in radiograph.notes


def test_without_a_window_the_robust_range_is_used():
    values = RAMP // 8 + 1000
    values[0, 0] = 4095  # a single burnt-in pixel must not darken everything else
    radiograph = read_radiograph(made_dicom(values), "x")
    low, high = np.percentile(values.astype(float), [0.5, 99.5], method="inverted_cdf")
    assert radiograph.notes == (f"no window: values {low:g} to {high:g} (robust range)",)
    expected = np.clip((values - low) / (high - low), 0, 1) * 255
    assert np.abs(radiograph.pixels - expected).max() <= 0.51


@pytest.mark.parametrize("elements", [{}, {"WindowCenter": 10, "WindowWidth": 20}, {"PixelPaddingValue": 7}])
def test_constant_image(elements):
    radiograph = read_radiograph(made_dicom(np.full((8, 8), 7, np.uint16), **elements), "x")
    assert (radiograph.pixels == 0).all()
    assert "constant image" in radiograph.notes


def test_a_window_that_hides_everything_is_ignored():
    radiograph = read_radiograph(made_dicom(RAMP, WindowCenter=60000, WindowWidth=10), "x")
    assert radiograph.pixels.max() == 255
    assert radiograph.notes[0] == "window center 60000 width 10 ignored: it hides the whole image"


@pytest.mark.parametrize("width", [0, -5, None])
def test_an_impossible_window_is_ignored(width):
    assert pixels_of(made_dicom(RAMP, WindowCenter=100, WindowWidth=width)).max() == 255


def test_eight_bits_stay_as_they_are():
    values = np.arange(256, dtype=np.uint8).reshape(16, 16) // 2
    assert (pixels_of(made_dicom(values, bits=8)) == values).all()


def test_color_becomes_luminance():
    values = np.random.default_rng(0).integers(0, 256, (16, 18, 3), dtype=np.uint8)
    radiograph = read_radiograph(made_dicom(values, bits=8), "x")
    expected = np.asarray(Image.fromarray(values).convert("L"))
    assert np.abs(radiograph.pixels.astype(int) - expected).max() <= 1
    assert radiograph.notes == ("color converted to gray",)


def test_first_frame_of_several():
    frames = np.stack([RAMP, RAMP[::-1]])
    radiograph = read_radiograph(made_dicom(frames), "x")
    assert (radiograph.pixels == pixels_of(made_dicom(RAMP))).all()
    assert radiograph.notes[0] == "first of 2 frames"


@pytest.mark.parametrize(
    "syntax",
    [
        "1.2.840.10008.1.2",  # implicit little endian
        "1.2.840.10008.1.2.1.99",  # deflated
        "1.2.840.10008.1.2.5",  # RLE
        "1.2.840.10008.1.2.4.90",  # JPEG 2000 lossless
    ],
)
def test_transfer_syntaxes(syntax):
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    data = made_dicom(RAMP, syntax=syntax, **window)
    assert (pixels_of(data) == pixels_of(made_dicom(RAMP, **window))).all()


@pytest.mark.parametrize(
    ("syntax", "encode"),
    [
        ("1.2.840.10008.1.2.4.70", imagecodecs.ljpeg_encode),  # JPEG lossless
        ("1.2.840.10008.1.2.4.80", imagecodecs.jpegls_encode),  # JPEG-LS lossless
    ],
)
def test_transfer_syntaxes_that_pydicom_does_not_write(syntax, encode):
    dataset = made_dataset(RAMP, WindowCenter=2048, WindowWidth=4096)
    expected = pixels_of(made_dicom(RAMP, WindowCenter=2048, WindowWidth=4096))
    dataset.PixelData = encapsulate(
        [encode(RAMP, **({"bitspersample": 12} if encode is imagecodecs.ljpeg_encode else {}))]
    )
    dataset.file_meta.TransferSyntaxUID = syntax
    assert (pixels_of(saved(dataset)) == expected).all()


def test_what_the_file_says_of_itself():
    data = made_dicom(RAMP, Modality="DX", ViewPosition="PA", BodyPartExamined="CHEST")
    radiograph = read_radiograph(data, "x")
    assert (radiograph.modality, radiograph.view, radiograph.body_part) == ("DX", "PA", "CHEST")
    assert radiograph.sop_instance_uid and radiograph.study_instance_uid
    assert len(radiograph.sha256) == 64


@pytest.mark.parametrize("modality", ["OT", "SC", ""])
def test_an_uncertain_modality_is_noted(modality):
    notes = read_radiograph(made_dicom(RAMP, Modality=modality), "x").notes
    assert notes[0] == f"modality {modality or 'missing'}, taken for a radiograph"


def test_without_preamble():
    window = {"WindowCenter": 2048, "WindowWidth": 4096}
    data = made_dicom(RAMP, syntax="1.2.840.10008.1.2", **window)
    start = 144 + int.from_bytes(data[140:144], "little")
    radiograph = read_radiograph(data[start:], "old.dcm")
    assert radiograph.notes[0] == "no DICOM preamble"
    assert (radiograph.pixels == pixels_of(made_dicom(RAMP, **window))).all()


# What is refused


def refusal(data: bytes, name: str = "x.dcm") -> str:
    with pytest.raises(UnusableImage) as caught:
        read_radiograph(data, name)
    assert pickle.loads(pickle.dumps(caught.value)).reason == caught.value.reason  # Ray sends it between processes
    return str(caught.value)


def test_other_modalities_are_refused():
    assert refusal(made_dicom(RAMP, Modality="CT")) == "decode: Modality CT is not a radiograph"


def test_a_file_without_pixels_says_what_it_is():
    dataset = made_dataset(RAMP)
    del dataset.PixelData
    assert refusal(saved(dataset)) == (
        "decode: no pixel data (Computed Radiography Image Storage); the file may be truncated"
    )
    dataset.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    del dataset.SOPClassUID
    dataset.preamble = b"\0" * 128
    assert refusal(saved(dataset, strict=False)) == "decode: no pixel data (Media Storage Directory Storage)"


def test_missing_elements_are_named():
    dataset = made_dataset(RAMP)
    del dataset.Columns, dataset.BitsStored
    assert refusal(saved(dataset)) == "decode: the elements Columns, BitsStored are missing"


def test_truncation_names_both_lengths():
    data = made_dicom(RAMP)
    assert "truncated: expected 8192 bytes, found 8092" in refusal(data[:-100])
    compressed = made_dicom(
        np.random.default_rng(0).integers(0, 4096, (64, 64), np.uint16), syntax="1.2.840.10008.1.2.5"
    )
    assert "pixel data is truncated: expected at least" in refusal(compressed[: len(compressed) // 2])


@pytest.mark.parametrize("length", [1, 100, 133, 150, 300, 600])
def test_a_file_cut_anywhere_is_refused_with_a_reason(length):
    assert len(refusal(made_dicom(RAMP)[:length])) > 20


@pytest.mark.parametrize("data", [b"just a text\n", b"PK\x03\x04" * 100, b"\x08\x00\x16\x00" * 99])
def test_other_files_named_dcm_are_refused(data):
    assert refusal(data).startswith("read: not a DICOM file")


def test_empty_and_unknown():
    assert refusal(b"") == "read: the file is empty"
    assert refusal(b"hello", "a.txt").startswith("read: not a DICOM, JPEG or PNG file")


@pytest.mark.parametrize("kind", ["DICOM", "PNG", "JPEG"])
def test_damaged_bytes_never_raise_anything_else(kind):
    generator = np.random.default_rng(7)
    values = generator.integers(0, 4096, (32, 32), np.uint16)
    window = {"WindowCenter": 2048, "WindowWidth": 4096, "RescaleSlope": 1, "RescaleIntercept": 0}
    data = made_dicom(values, **window) if kind == "DICOM" else picture((values >> 4).astype(np.uint8), kind)
    for _ in range(300):
        damaged = bytearray(data)
        first = 132 if kind == "DICOM" else 8
        for place in generator.integers(first, min(len(data), first + 1000), 6):
            damaged[place] = generator.integers(0, 256)
        try:
            assert read_radiograph(bytes(damaged), "x").pixels.dtype == np.uint8
        except UnusableImage as refused:
            assert refused.reason


def test_decompression_bombs():
    dataset = made_dataset(RAMP)
    dataset.Rows = dataset.Columns = 50_000
    assert "50000 x 50000 pixels" in refusal(saved(dataset))
    # a PNG that declares 20,000 x 20,000 pixels in its header
    header = struct.pack(">II5B", 20_000, 20_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    assert "pixels" in refusal(b"\x89PNG\r\n\x1a\n" + chunk + picture(RAMP.astype(np.uint8))[33:])


def test_inflation_bomb(monkeypatch):
    monkeypatch.setattr("chex.pixels.inflation.INFLATED_LIMIT", 2**22)
    data = made_dicom(RAMP, syntax="1.2.840.10008.1.2.1.99")
    start = 144 + int.from_bytes(data[140:144], "little")
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(b"\0" * 2**24) + packer.flush()
    assert "inflates to more than" in refusal(data[:start] + body)


# Pictures


def test_png_and_jpeg():
    values = np.tile(np.arange(0, 256, 4, dtype=np.uint8), (48, 1))
    assert (pixels_of(picture(values)) == values).all()
    jpeg = read_radiograph(picture(values, "JPEG", quality=95), "x")
    assert np.abs(jpeg.pixels.astype(int) - values).max() <= 4
    colored = read_radiograph(picture(np.stack([values] * 3, -1)), "x")
    assert (colored.pixels == values).all()
    assert colored.notes == ("RGB converted to gray",)


def test_sixteen_bit_png():
    radiograph = read_radiograph(picture(RAMP + 100), "x")
    assert (radiograph.pixels.min(), radiograph.pixels.max()) == (0, 255)
    assert "16 bit" in radiograph.notes[0]
    assert read_radiograph(picture(np.full((4, 4), 9, np.uint16)), "x").notes == ("constant image",)


def test_exif_orientation():
    values = np.arange(6 * 8, dtype=np.uint8).reshape(6, 8) * 5
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    radiograph = read_radiograph(picture(values, exif=exif), "x")
    assert (radiograph.pixels == np.rot90(values, -1)).all()
    assert radiograph.notes == ("turned by EXIF orientation 6",)


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.9])
def test_truncated_pictures(kind, share):
    data = picture(np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8), kind)
    assert "truncated or broken" in refusal(data[: max(9, int(len(data) * share))], "x.png")


# Stored images


@pytest.mark.parametrize("shape", [(1, 1), (7, 13), (256, 300)])
def test_stored_images_are_lossless(shape):
    values = np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)
    stored = encode_stored(values)
    assert (decode_stored(stored) == values).all()
    assert (np.asarray(Image.open(io.BytesIO(stored))) == values).all(), "any PNG reader must read it"


def test_stored_images_refuse_everything_else():
    with pytest.raises(ValueError, match="8-bit grayscale PNG"):
        decode_stored(b"no image")
    with pytest.raises(ValueError, match="uint8 array"):
        decode_stored(picture(np.zeros((4, 4, 3), np.uint8)))
    with pytest.raises(ValueError, match="uint8 array"):
        encode_stored(np.zeros((4, 4), np.float32))
    with pytest.raises(ValueError, match="uint8 array"):
        encode_stored(np.zeros((0, 4), np.uint8))


def test_resize_averages():
    board = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    small = resize(board, 64, 64)
    assert np.abs(small.astype(int) - 127).max() <= 2, "without antialiasing a fine pattern becomes a coarse one"
    assert resize(board, 512, 512) is board
    assert resize(board, 100, 33).shape == (100, 33)
    with pytest.raises(ValueError, match="at least 1"):
        resize(board, 0, 5)


# Files nobody here made


def test_real_dicom_files(shared):
    folder = shared / "data" / "real" / "dicom"
    read = {path.stem: read_radiograph(path.read_bytes(), path.name) for path in folder.glob("*cr_*.dcm")}
    assert len(read) == 3
    chest = read["chest_cr_jpeg2000_monochrome1"]
    assert (chest.pixels.shape, chest.view, chest.body_part) == ((1955, 1841), "PA", "CHEST")
    # bone bright: the spine is brighter than the lungs beside it
    assert chest.pixels[900:1000, 880:960].mean() > chest.pixels[700:800, 1150:1250].mean() + 20
    assert read["extremity_cr_jpeg2000_monochrome1"].body_part == "EXTREMITY"
    assert read["chest_cr_jpeg_baseline_monochrome2"].pixels.shape == (1024, 1024)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("ct_small_not_a_radiograph", "Modality CT is not a radiograph"),
        ("rtplan_no_pixels", "no pixel data (RT Plan Storage)"),
        ("mr_truncated_pixel_data", "truncated: expected 8192 bytes, found 8130; Modality MR is not a radiograph"),
    ],
)
def test_real_files_that_are_refused(shared, name, reason):
    assert reason in refusal((shared / "data" / "real" / "dicom" / f"{name}.dcm").read_bytes())


def test_real_pictures(shared):
    for path in sorted((shared / "data" / "real" / "images").iterdir()):
        radiograph = read_radiograph(path.read_bytes(), path.name)
        assert min(radiograph.pixels.shape) >= 500
        assert 60 < radiograph.pixels.mean() < 200
