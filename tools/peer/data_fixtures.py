"""Writes the small files that readers of data sets are tested with, and what others read from them.

    python data_fixtures.py

MATLAB files by scipy, pictures by Pillow, parquet files by pyarrow. Everything is made from formulas, so
that the same versions write the same bytes.
"""

from __future__ import annotations

import io
import json
import struct
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image
from scipy.io import loadmat, savemat

from files import write_atomically

DATA = Path(__file__).resolve().parents[2] / "packages/data/src/fixtures"
COUNT = 7


def pictures(count: int, height: int, width: int) -> np.ndarray:
    """Smooth coloured pictures [n,h,w,3] that all differ."""
    n, y, x = np.ogrid[:count, :height, :width]
    planes = [
        127 + 120 * np.sin(0.11 * x + 0.07 * y + n),
        127 + 120 * np.sin(0.05 * x - 0.13 * y + 2 * n) * np.cos(0.02 * x * y / 10),
        (x * 255 / width + y * 64 / height + 40 * n) % 256,
    ]
    return np.stack([np.broadcast_to(p, (count, height, width)) for p in planes], axis=-1).astype(np.uint8)


def mat(name: str, variables: dict[str, object], compressed: bool) -> None:
    out = io.BytesIO()
    savemat(out, variables, do_compression=compressed)
    # The header holds the date.
    data = b"MATLAB 5.0 MAT-file, made by scipy".ljust(116) + out.getvalue()[116:]
    write_atomically(DATA / "mat" / f"{name}.mat", data)


def mat_files() -> None:
    """SVHN in small: X [4,3,3,N] uint8, y [N,1] of every class, with 10 for the digit 0."""
    x = (np.arange(4 * 3 * 3 * COUNT) * 37 % 256).astype(np.uint8).reshape(4, 3, 3, COUNT, order="F")
    y = np.array([5, 2, 1, 10, 6, 1, 9]).reshape(COUNT, 1)
    for compressed in (False, True):
        for kind in ("uint8", "double", "single", "int32", "uint16", "int64"):
            dtype = {"double": np.float64, "single": np.float32}.get(kind, kind)
            suffix = "packed" if compressed else "plain"
            mat(f"{kind}-{suffix}", {"X": x, "y": y.astype(dtype)}, compressed)
    stored_small(y)
    mat("text", {"note": "crane, maillot", "empty": np.zeros((0, 0)), "nan": np.array([[np.nan, 1.0]])}, True)
    synsets()


def stored_small(y: np.ndarray) -> None:
    """Class double, numbers stored as bytes: as MATLAB itself does it. scipy only reads such files."""

    def element(kind: int, data: bytes) -> bytes:
        return struct.pack("<II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    body = element(6, struct.pack("<II", 6, 0)) + element(5, struct.pack("<ii", *y.shape))
    body += struct.pack("<HH4s", 1, 1, b"y") + element(2, y.astype(np.uint8).tobytes())
    packed = zlib.compress(element(14, body), 9)
    header = b"MATLAB 5.0 MAT-file, made by hand".ljust(116) + b"\0" * 8 + struct.pack("<HH", 0x0100, 0x4D49)
    data = header + struct.pack("<II", 15, len(packed)) + packed
    assert np.array_equal(loadmat(io.BytesIO(data))["y"], y)
    write_atomically(DATA / "mat" / "double-stored-small.mat", data)


SYNSETS = [
    (1, "n02119789", "kit fox, Vulpes macrotis", 0),
    (2, "n02100735", "English setter", 0),
    (3, "n01440764", "tench, Tinca tinca", 0),
    (4, "n02012849", "crane", 0),
    (5, "n03126707", "crane", 0),
    (6, "n00001740", "entity", 2),
]


def synsets() -> None:
    """The devkit's meta.mat in small: a struct array, leaves before inner nodes."""
    fields = [
        ("ILSVRC2012_ID", object),
        ("WNID", object),
        ("words", object),
        ("gloss", object),
        ("num_children", object),
        ("children", object),
    ]
    rows = np.zeros((len(SYNSETS), 1), dtype=fields)
    for row, (number, wnid, words, children) in zip(rows[:, 0], SYNSETS, strict=True):
        row["ILSVRC2012_ID"], row["num_children"] = float(number), float(children)
        row["WNID"], row["words"], row["gloss"] = wnid, words, f"what is meant by {words}"
        row["children"] = np.arange(1, children + 1, dtype=np.float64)
    for suffix, compressed in (("plain", False), ("packed", True)):
        mat(f"synsets-{suffix}", {"synsets": rows}, compressed)


def jpeg(picture: Image.Image, **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=88, **options)
    return out.getvalue()


def picture_files() -> None:
    """Pictures in every form that occurs among ImageNet's, with what Pillow makes of them."""
    colour = Image.fromarray(pictures(1, 61, 83)[0])
    wide = Image.fromarray(pictures(2, 40, 150)[1])
    grey = colour.convert("L")
    cmyk = colour.convert("CMYK")
    alpha = colour.copy()
    alpha.putalpha(grey)
    png = io.BytesIO()
    colour.save(png, "PNG")
    palette, transparent, deep = io.BytesIO(), io.BytesIO(), io.BytesIO()
    colour.quantize(32).save(palette, "PNG")
    alpha.save(transparent, "PNG")
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(deep, "PNG")
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, which is customarily ignored
    turned = jpeg(colour, exif=exif)
    stray_bytes = turned.replace(b"Exif\0\0", b"Exif\0\0\xff\xff\xff\xff", 1)
    broken_exif = turned.replace(b"MM\0*", b"\xff\xff\xff\xff", 1)
    files = {
        "420.jpg": jpeg(colour, subsampling="4:2:0"),
        "422.jpg": jpeg(colour, subsampling="4:2:2"),
        "444.jpg": jpeg(colour, subsampling="4:4:4"),
        "progressive.jpg": jpeg(colour, progressive=True),
        "restart.jpg": jpeg(colour, restart_marker_rows=1),
        "wide.jpg": jpeg(wide),
        "grey.jpg": jpeg(grey),
        "turned.jpg": turned,
        "broken-exif.jpg": broken_exif,
        "stray-bytes.jpg": stray_bytes,
        "cmyk.jpg": jpeg(cmyk),
        "named.jpg": png.getvalue(),
        "palette.png": palette.getvalue(),
        "alpha.png": transparent.getvalue(),
        "deep.png": deep.getvalue(),
    }
    for name, data in files.items():
        write_atomically(DATA / "pictures" / name, data)
    expected: dict[str, object] = {}
    blob = bytearray()

    def put(array: np.ndarray) -> dict[str, object]:
        entry = {"shape": list(array.shape), "offset": len(blob)}
        blob.extend(np.ascontiguousarray(array).tobytes())
        return entry

    for name, data in files.items():
        picture = rgb(Image.open(io.BytesIO(data)))
        expected[name] = {"decoded": put(np.asarray(picture))}
    # A box cut out and resized, as RandomResizedCrop does; the shorter side resized and the centre cut out.
    cases = []
    for name in ("444.jpg", "wide.jpg"):
        picture = rgb(Image.open(io.BytesIO(files[name])))
        boxes = [(0, 0, 83, 40), (5, 3, 30, 37), (20, 1, 17, 9), (11, 7, 24, 24), (3, 0, 70, 33)]
        for left, top, width, height in boxes:
            box = picture.crop((left, top, left + width, top + height))
            for size in (24, 9):
                out = np.asarray(box.resize((size, size), Image.Resampling.BILINEAR))
                at = [left, top, width, height]
                cases.append({"name": name, "box": at, "size": [size, size], "out": put(out)})
        for resize, crop in ((32, 24), (47, 32), (40, 39)):
            width, height = picture.size
            short = min(width, height)
            whole = (resize * width // short, resize * height // short)
            resized = picture.resize(whole, Image.Resampling.BILINEAR)
            # Python's round(), where a half goes to the even neighbour, as in torchvision's center_crop.
            left, top = round((resized.width - crop) / 2), round((resized.height - crop) / 2)
            out = np.asarray(resized.crop((left, top, left + crop, top + crop)))
            cases.append({"name": name, "resize": resize, "crop": crop, "out": put(out)})
    write_atomically(DATA / "pictures" / "expected.bin", zlib.compress(bytes(blob), 9))
    text = json.dumps({"pictures": expected, "resized": cases}, indent=1) + "\n"
    write_atomically(DATA / "pictures" / "expected.json", text.encode())


def rgb(picture: Image.Image) -> Image.Image:
    """As programs that read ImageNet do it; of 16 bits the upper 8, unlike Pillow's own convert."""
    if picture.mode.startswith("I;16"):
        return Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8)).convert("RGB")
    return picture.convert("RGB")


def parquet_files() -> None:
    """Copies of data sets as hubs publish them: a struct of bytes and path, and a label."""
    pngs = []
    for array in pictures(10, 32, 32):
        out = io.BytesIO()
        Image.fromarray(array).save(out, "PNG")
        pngs.append({"bytes": out.getvalue(), "path": f"{len(pngs)}.png"})
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    schema = pa.schema([("img", image), ("label", pa.int64())])
    labels = list(range(10))
    for codec in ("NONE", "SNAPPY", "ZSTD", "GZIP"):
        table = pa.table({"img": pa.array(pngs, image), "label": labels}, schema=schema)
        for version, dictionary in (("1.0", True), ("2.0", False)):
            out = io.BytesIO()
            pq.write_table(
                table,
                out,
                compression=codec,
                row_group_size=4,
                use_dictionary=dictionary,
                data_page_version=version,
                write_statistics=False,
                store_schema=False,
            )
            write_atomically(DATA / "parquet" / f"{codec.lower()}-v{version[0]}.parquet", out.getvalue())
    # ImageNet's copies call the column otherwise, and hold JPEG files of all sizes.
    jpegs = [
        {"bytes": jpeg(Image.fromarray(picture).resize((40 + i, 60 - i))), "path": f"{i}.JPEG"}
        for i, picture in enumerate(pictures(10, 32, 32))
    ]
    table = pa.table({"image": pa.array(jpegs, image), "label": labels})
    out = io.BytesIO()
    pq.write_table(table, out, row_group_size=10, write_statistics=False, store_schema=False)
    write_atomically(DATA / "parquet" / "hub.parquet", out.getvalue())


if __name__ == "__main__":
    mat_files()
    picture_files()
    parquet_files()
