"""Reduced JPEGs against the inverse DCT written out, and against libjpeg.

The JPEGs are written here, coefficient by coefficient, so that the picture that
the lowest n x n of each block make is known to the last bit."""
import io
import os
import struct
import subprocess
import tempfile
import unittest

import numpy as np
from PIL import Image

REPO = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
BUILD = os.environ.get("DMS_BUILD", os.path.join(REPO, "build"))
DRIVER = os.path.join(BUILD, "tests-tools", "decode_driver")

ZIGZAG = sorted(range(64), key=lambda i: (
    i // 8 + i % 8,
    i // 8 if (i // 8 + i % 8) % 2 else i % 8))
# symbol -> length: short ones, ones longer than a look, the longest
DC_LENGTHS = dict(zip(range(12), (2, 3, 3, 4, 4, 5, 9, 10, 11, 12, 13, 16)))
AC_SYMBOLS = [0x00, 0x01, 0x02, 0x11, 0xf0] + [
    r << 4 | s for s in range(1, 11) for r in range(16)
    if (r << 4 | s) not in (0x01, 0x02, 0x11)]
AC_LENGTHS = dict(zip(AC_SYMBOLS, [2, 3, 4, 4, 6] + [9] * 20 + [16] * 200))


def canonical(lengths):
    """{symbol: (code, length)}, and the table as DHT has it."""
    order = sorted(lengths, key=lambda s: lengths[s])
    codes, code, last = {}, 0, 0
    for symbol in order:
        code <<= lengths[symbol] - last
        last = lengths[symbol]
        codes[symbol] = (code, last)
        code += 1
    counts = [sum(1 for n in lengths.values() if n == i)
              for i in range(1, 17)]
    return codes, bytes(counts) + bytes(order)


class Bits:
    def __init__(self):
        self.value = []

    def put(self, value, length):
        self.value += [value >> i & 1 for i in reversed(range(length))]

    def number(self, code, prefix, value):
        size = int(abs(value)).bit_length()
        self.put(*code[prefix << 4 | size])
        self.put(value if value > 0 else value + (1 << size) - 1, size)

    def bytes(self):
        bits = self.value + [1] * (-len(self.value) % 8)
        return np.packbits(np.array(bits, np.uint8)).tobytes().replace(
            b"\xff", b"\xff\x00")


def put_block(bits, block, previous, dc, ac):
    bits.number(dc, 0, int(block[0]) - previous)
    run = 0
    for value in block[1:int(np.flatnonzero(block).max(initial=0)) + 1]:
        if value == 0:
            run += 1
            continue
        while run > 15:
            bits.put(*ac[0xf0])
            run -= 16
        bits.number(ac, run, int(value))
        run = 0
    if block[63] == 0:
        bits.put(*ac[0])


def segment(marker, body):
    return struct.pack(">BBH", 0xff, marker, len(body) + 2) + body


def jpeg(width, height, factors, quant, blocks, restart):
    """blocks[c]: rows x columns x 64 in zigzag order, whole MCUs."""
    (dc, dc_table), (ac, ac_table) = map(canonical, (DC_LENGTHS, AC_LENGTHS))
    count = len(factors)
    out = b"\xff\xd8" + segment(0xdb, b"\0" + bytes(quant))
    out += segment(0xc0, struct.pack(">BHHB", 8, height, width, count) + b"".join(
        bytes([c + 1, h << 4 | v, 0]) for c, (h, v) in enumerate(factors)))
    out += segment(0xc4, b"\0" + dc_table) + segment(0xc4, b"\x10" + ac_table)
    if restart:
        out += segment(0xdd, struct.pack(">H", restart))
    out += segment(0xda, bytes([count]) + b"".join(
        bytes([c + 1, 0]) for c in range(count)) + b"\0\x3f\0")
    rows, columns = (blocks[0].shape[0] // factors[0][1],
                     blocks[0].shape[1] // factors[0][0])
    bits, previous = Bits(), [0] * count
    for mcu in range(rows * columns):
        if restart and mcu and mcu % restart == 0:
            out += bits.bytes() + bytes([0xff, 0xd0 + (mcu // restart - 1) % 8])
            bits, previous = Bits(), [0] * count
        y, x = divmod(mcu, columns)
        for c, (h, v) in enumerate(factors):
            for i in range(v):
                for j in range(h):
                    block = blocks[c][y * v + i, x * h + j]
                    put_block(bits, block, previous[c], dc, ac)
                    previous[c] = int(block[0])
    return out + bits.bytes() + b"\xff\xd9"


def basis(n):
    """n x n: pixel x of coefficient u."""
    x, u = np.mgrid[:n, :n]
    return np.where(u == 0, np.sqrt(0.125),
                    0.5 * np.cos((2 * x + 1) * u * np.pi / (2 * n)))


def plane(blocks, quant, wide, high):
    rows, columns = blocks.shape[:2]
    square = np.zeros((rows, columns, 64))
    square[..., ZIGZAG] = blocks * np.array(quant)
    low = square.reshape(rows, columns, 8, 8)[..., :high, :wide]
    pixels = np.einsum("yv,rcvu,xu->rycx", basis(high), low, basis(wide))
    pixels = pixels.reshape(rows * high, columns * wide).round(6)
    return np.clip(np.floor(pixels + 128.5), 0, 255)


def to_rgb(planes):
    if len(planes) == 1:
        return np.repeat(planes[0][..., None], 3, 2)
    y, cb, cr = planes[0], planes[1] - 128, planes[2] - 128
    rgb = [y + np.floor((91881 * cr + 32768) / 65536),
           y + np.floor((-22554 * cb - 46802 * cr + 32768) / 65536),
           y + np.floor((116130 * cb + 32768) / 65536)]
    return np.clip(np.stack(rgb, 2), 0, 255)


def decode(data, side_min):
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(data)
        file.flush()
        run = subprocess.run([DRIVER, file.name, str(side_min)],
                             capture_output=True)
    if run.returncode != 0:
        raise ValueError(run.stderr.decode())
    header, _, pixels = run.stdout.partition(b"\n")
    width, height = map(int, header.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3).astype(int)


def case(rng, factors, restart, dense=0.15):
    """A random JPEG: its bytes and what pixels to expect at n/8."""
    width, height = (int(v) for v in rng.integers(17, 90, 2))
    most = [max(f[i] for f in factors) for i in (0, 1)]
    mcus = -(-width // (8 * most[0])), -(-height // (8 * most[1]))
    quant = [int(q) for q in rng.integers(1, 12, 64)]
    blocks = []
    for h, v in factors:
        shape = (mcus[1] * v, mcus[0] * h)
        block = rng.integers(-40, 40, shape + (64,)) * (
            rng.random(shape + (64,)) < dense)
        block[rng.random(shape) < 0.3, 1:] = 0  # flat ones
        block[..., 0] = rng.integers(-600, 600, shape) // quant[0]
        blocks.append(block)

    def expected(n):
        planes = [plane(b, quant, n * most[0] // h, n * most[1] // v)
                  for b, (h, v) in zip(blocks, factors)]
        return to_rgb(planes)[:-(-height * n // 8), :-(-width * n // 8)]

    return jpeg(width, height, factors, quant, blocks, restart), expected


SAMPLINGS = {"grey": [(1, 1)], "4:4:4": [(1, 1)] * 3,
             "4:2:0": [(2, 2), (1, 1), (1, 1)],
             "4:2:2": [(2, 1), (1, 1), (1, 1)],
             "4:4:0": [(1, 2), (1, 1), (1, 1)],
             "two of three": [(2, 2), (2, 1), (1, 2)]}


class ReducedJpeg(unittest.TestCase):
    def test_is_the_inverse_dct_of_the_lowest_coefficients(self):
        rng = np.random.default_rng(4)
        for name, factors in SAMPLINGS.items():
            for restart in (0, 1, 3):
                data, expected = case(rng, factors, restart)
                side = min(Image.open(io.BytesIO(data)).size)
                for n in (1, 2, 3, 4):
                    got, want = decode(data, -(-side * n // 8)), expected(n)
                    with self.subTest(name, restart=restart, n=n):
                        self.assertEqual(got.shape, want.shape)
                        difference = np.abs(got - want)
                        # a half may fall either way, times colour's 1.8
                        self.assertLessEqual(difference.max(), 3)
                        self.assertLess((difference > 0).mean(), 0.01)

    def test_at_an_eighth_without_subsampling_equals_libjpeg(self):
        rng = np.random.default_rng(6)
        noise = rng.integers(0, 256, (12, 17, 3), dtype=np.uint8)
        smooth = Image.fromarray(noise).resize((203, 139), Image.BICUBIC)
        for quality in (10, 50, 75, 92, 100):
            for mode in ("RGB", "L"):
                for optimize in (False, True):
                    file = io.BytesIO()
                    smooth.convert(mode).save(
                        file, "JPEG", quality=quality, subsampling=0,
                        optimize=optimize)
                    peer = Image.open(file)
                    peer.draft(mode, (203 // 8, 139 // 8))
                    want = np.asarray(peer.convert("RGB")).astype(int)
                    got = decode(file.getvalue(), 139 // 8)
                    with self.subTest(quality=quality, mode=mode):
                        np.testing.assert_array_equal(got, want)

    def test_other_forms_look_the_same(self):
        x, y = np.meshgrid(np.arange(203), np.arange(139))
        rgb = np.stack([x, y, (x + y) // 2], 2).astype(np.uint8)
        for form in ({}, {"progressive": True}, {"subsampling": 1}):
            file = io.BytesIO()
            Image.fromarray(rgb).save(file, "JPEG", quality=95, **form)
            for n in (1, 2, 3, 4):
                got = decode(file.getvalue(), -(-139 * n // 8))
                at = (np.arange(got.shape[1]) + 0.5) * 8 / n - 0.5
                self.assertLess(np.abs(got[0, 2:-2, 0] - at[2:-2]).max(), 4)

    def test_damage_is_refused_at_every_scale(self):
        rng = np.random.default_rng(9)
        data, _ = case(rng, SAMPLINGS["4:2:0"], 2)
        scan = data.index(b"\xff\xda") + 14
        first = data.index(b"\xff\xd0", scan)
        # short of bits in the middle, cut at the end, without EOI
        broken = (data[:first - 4] + data[first:], data[:-9] + b"\xff\xd9",
                  data[:-2])
        for n in (1, 2, 3, 4):
            for i, bad in enumerate(broken):
                with self.subTest(n=n, i=i):
                    self.assertRaisesRegex(ValueError, "truncated", decode,
                                           bad, n * 2)


if __name__ == "__main__":
    unittest.main()
