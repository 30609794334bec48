"""Which picture of a file is read, which way up, and what a file is said to be
that is not a photograph. The files are Pillow's and hand-made."""
import io
import os
import pathlib
import struct
import subprocess
import tempfile
import unittest
import zlib

import numpy as np
from PIL import Image

REPO = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("DMS_BUILD", REPO / "build"))
DRIVER = BUILD / "tests-tools" / "decode_driver"

# Upright from stored, by EXIF 2.3, as numpy sees it.
TURNS = {1: lambda a: a, 2: np.fliplr, 3: lambda a: np.rot90(a, 2),
         4: np.flipud, 5: lambda a: np.transpose(a, (1, 0, 2)),
         6: lambda a: np.rot90(a, -1),
         7: lambda a: np.rot90(np.transpose(a, (1, 0, 2)), 2),
         8: np.rot90}


def picture(width=24, height=16, seed=1):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def exif(orientation, order="<"):
    """A TIFF header and one directory with one entry."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return mark + struct.pack(order + "LHHHLHHL", 8, 1, 0x0112, 3, 1,
                              orientation, 0, 0)


def xmp(text):
    return ('<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta '
            'xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/'
            '1999/02/22-rdf-syntax-ns#"><rdf:Description xmlns:tiff="http://'
            'ns.adobe.com/tiff/1.0/" %s</rdf:RDF></x:xmpmeta>' % text).encode()


def xmp_attribute(orientation):
    return xmp('tiff:Orientation="%d"/>' % orientation)


def xmp_element(orientation):
    return xmp('>\n<tiff:Orientation>%d</tiff:Orientation></rdf:Description>'
               % orientation)


def raw_profile(block, kind="exif"):
    digits = block.hex()
    lines = [digits[i:i + 72] for i in range(0, len(digits), 72)]
    return "\n%s\n%8d\n%s\n" % (kind, len(block), "\n".join(lines))


def png(pixels, chunks):
    """chunks: (type, data) between header and pixels."""
    plain = io.BytesIO()
    Image.fromarray(pixels).save(plain, "PNG")
    data = plain.getvalue()
    made = b"".join(struct.pack(">L", len(body)) + kind + body +
                    struct.pack(">L", zlib.crc32(kind + body))
                    for kind, body in chunks)
    return data[:33] + made + data[33:]


def text_chunk(key, text, packed):
    text = text.encode("latin-1")
    if packed:
        return b"zTXt", key.encode() + b"\0\0" + zlib.compress(text)
    return b"tEXt", key.encode() + b"\0" + text


def read(data):
    """The pixels, or a ValueError with what is said."""
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(data)
        file.flush()
        run = subprocess.run([DRIVER, file.name, "0"], capture_output=True,
                             check=False)
    if run.returncode != 0:
        raise ValueError(run.stderr.decode())
    header, _, pixels = run.stdout.partition(b"\n")
    width, height = map(int, header.split())
    return np.frombuffer(pixels, np.uint8).reshape(height, width, 3)


class Orientation(unittest.TestCase):
    def assert_upright(self, data, pixels, orientation):
        np.testing.assert_array_equal(read(data), TURNS[orientation](pixels))

    def test_a_png_is_turned_by_its_text_chunks(self):
        pixels = picture()
        for orientation in TURNS:
            for order in "<>":
                block = exif(orientation, order)
                for key in ("Raw profile type exif", "Raw profile type APP1"):
                    for head in (b"", b"Exif\0\0"):
                        for packed in (False, True):
                            chunk = text_chunk(key, raw_profile(head + block),
                                               packed)
                            self.assert_upright(png(pixels, [chunk]), pixels,
                                                orientation)

    def test_a_png_is_turned_by_exif_and_else_by_xmp(self):
        pixels = picture()
        packet = b"XML:com.adobe.xmp\0\0\0\0\0"
        for orientation in TURNS:
            for write in (xmp_attribute, xmp_element):
                chunk = (b"iTXt", packet + write(orientation))
                self.assert_upright(png(pixels, [chunk]), pixels, orientation)
                both = [chunk, (b"eXIf", exif(3))]
                self.assert_upright(png(pixels, both), pixels, 3)

    def assert_xmp(self, packet, orientation):
        """In a TIFF, where the packet may have any bytes."""
        pixels, file = picture(), io.BytesIO()
        Image.fromarray(pixels).save(file, "TIFF", tiffinfo={700: packet})
        self.assert_upright(file.getvalue(), pixels, orientation)

    def test_an_xmp_orientation_in_a_comment_does_not_count(self):
        for old in ('<!-- tiff:Orientation="3" -->',
                    '<!-- <tiff:Orientation>3</tiff:Orientation> -->',
                    '<![CDATA[<tiff:Orientation>3</tiff:Orientation>]]>',
                    '<?old tiff:Orientation="3"?>',
                    '<x:note text=\'tiff:Orientation="3"\'/>'):
            for behind in ("<tiff:Orientation> 6\n</tiff:Orientation>", ""):
                with self.subTest(old=old, behind=behind):
                    self.assert_xmp(
                        xmp(f">{old}{behind}</rdf:Description>"),
                        6 if behind else 1)

    def test_xmp_is_read_by_namespace_whatever_the_prefix(self):
        tiff = "http://ns.adobe.com/tiff/1.0/"
        for text, orientation in (
                (f'xmlns:t="{tiff}" t:Orientation="6"/>', 6),
                (f't:Orientation="6" xmlns:t="{tiff}"/>', 6),
                (f'><t:Orientation xmlns:t="{tiff}">8</t:Orientation>'
                 "</rdf:Description>", 8),
                (f'><Orientation xmlns="{tiff}">8</Orientation>'
                 "</rdf:Description>", 8),
                ('>\n<tiff:Orientation>&#x36;</tiff:Orientation>'
                 "</rdf:Description>", 6),
                ('><q xmlns:tiff="urn:x" tiff:Orientation="6"/>'
                 "</rdf:Description>", 1),
                ('xmlns:exif="urn:exif" exif:Orientation="6"/>', 1)):
            with self.subTest(text=text):
                self.assert_xmp(xmp(text), orientation)

    def test_xmp_may_be_padded_utf_16_cut_or_partly_latin_1(self):
        packet = xmp_attribute(6)
        text = packet.decode()
        latin = text.replace("tiff:O", 'tiff:Artist="M\xfcller" tiff:O')
        for data in (packet + b" \n" * 500 + b'<?xpacket end="w"?>' + b"\0",
                     b"\xef\xbb\xbf" + packet, packet[:-20],
                     b"\xff\xfe" + text.encode("utf-16-le"),
                     b"\xfe\xff" + text.encode("utf-16-be"),
                     latin.encode("latin-1"), latin.encode()):
            with self.subTest(data=data[:30]):
                self.assert_xmp(data, 6)

    def test_entities_of_a_hostile_xmp_are_not_expanded(self):
        bomb = '<!DOCTYPE x [<!ENTITY a "6">' + "".join(
            f'<!ENTITY {chr(98 + i)} "{f"&{chr(97 + i)};" * 10}">'
            for i in range(20)) + "]>"
        self.assert_xmp(bomb.encode() + xmp(
            ">&u;<tiff:Orientation>&a;</tiff:Orientation></rdf:Description>"),
            1)

    def test_jpeg_webp_and_tiff_are_turned_by_xmp(self):
        pixels = picture()
        for orientation in TURNS:
            packet = xmp_attribute(orientation)
            for kind, options in (
                    ("JPEG", {"quality": 100, "subsampling": 0}),
                    ("WEBP", {"lossless": True, "xmp": packet}),
                    ("TIFF", {"tiffinfo": {700: packet}})):
                file = io.BytesIO()
                Image.fromarray(pixels).save(file, kind, **options)
                data = file.getvalue()
                if kind == "JPEG":
                    body = b"http://ns.adobe.com/xap/1.0/\0" + packet
                    data = (data[:2] + b"\xff\xe1" +
                            struct.pack(">H", len(body) + 2) + body + data[2:])
                stored = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
                with self.subTest(kind=kind, orientation=orientation):
                    np.testing.assert_allclose(
                        read(data).astype(int),
                        TURNS[orientation](stored).astype(int), atol=1)

    def test_what_is_no_orientation_turns_nothing(self):
        pixels = picture()
        for text in ('tiff:Orientation="9"/>', 'tiff:Orientation="66"/>',
                     'tiff:OrientationX="6"/>', 'tiff:Orientation=6/>',
                     'tiff:Orientation="6', 'tiff:Orientation',
                     'xtiff:Orientation="6"/>'):
            chunk = (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp(text)[:-40])
            self.assert_upright(png(pixels, [chunk]), pixels, 1)
        for profile in ("", "\nexif\n", "\nexif\n 8\nzz", raw_profile(b"II*\0")):
            chunk = text_chunk("Raw profile type exif", profile, False)
            self.assert_upright(png(pixels, [chunk]), pixels, 1)


class Directories(unittest.TestCase):
    @staticmethod
    def nested(root):
        """A TIFF file of one directory: a dictionary of pixels and, if wanted,
        kind (subfile type), orientation, photometric, and within: a list of
        such directories (SubIFDs), or of offsets. The file's first directory
        is at its end."""
        data = bytearray(b"II*\0\0\0\0\0")

        def put(of):
            below = [one if isinstance(one, int) else put(one)
                     for one in of.get("within", ())]
            height, width, _ = of["pixels"].shape
            depths = len(data)
            data.extend(struct.pack("<HHH", 8, 8, 8) + of["pixels"].tobytes())
            data.extend(b"\0" * (len(data) % 2))
            tags = [(256, 4, 1, width), (257, 4, 1, height),
                    (258, 3, 3, depths), (259, 3, 1, 1),
                    (262, 3, 1, of.get("photometric", 2)),
                    (273, 4, 1, depths + 6), (277, 3, 1, 3),
                    (278, 4, 1, height), (279, 4, 1, of["pixels"].size),
                    (284, 3, 1, 1), (254, 4, 1, of.get("kind", 0))]
            if "orientation" in of:
                tags.append((274, 3, 1, of["orientation"]))
            if len(below) == 1:
                tags.append((330, 4, 1, below[0]))
            elif below:
                tags.append((330, 4, len(below), len(data)))
                data.extend(struct.pack(f"<{len(below)}L", *below))
            at = len(data)
            data.extend(struct.pack("<H", len(tags)))
            for tag in sorted(tags):
                data.extend(struct.pack("<HHLL", *tag))
            data.extend(b"\0" * 4)
            return at

        data[4:8] = struct.pack("<L", put(root))
        return bytes(data)

    def test_the_photograph_within_another_directory_is_read_upright(self):
        small, large = picture(6, 4, 1), picture(24, 16, 2)
        for kind in (0, 1):
            for own in ({}, {"orientation": 6}):
                data = self.nested({
                    "pixels": small, "kind": kind,
                    "orientation": 3 if own else 6,
                    "within": [{"pixels": picture(8, 8, 3), "kind": 1},
                               {"pixels": large, **own}]})
                np.testing.assert_array_equal(read(data), TURNS[6](large))

    def test_directories_within_are_visited_to_a_bounded_depth(self):
        chain = {"pixels": picture(40, 40, 9)}
        for size in (30, 20, 10):
            chain = {"pixels": picture(size, size, size), "within": [chain]}
        np.testing.assert_array_equal(read(self.nested(chain)),
                                      picture(30, 30, 30))

    def test_directories_that_lead_nowhere_or_to_themselves_do_no_harm(self):
        pixels = picture(12, 8, 1)
        data = self.nested({"pixels": pixels})
        own = struct.unpack("<L", data[4:8])[0] + 8
        for within in ([4_000_000_000], [1], [8], [0, 0], [3] * 60000,
                       [own + 4 * k for k in range(-30, 30)],
                       [{"pixels": picture(2, 2), "kind": 1}] * 200):
            data = self.nested({"pixels": pixels, "within": within})
            np.testing.assert_array_equal(read(data), pixels)

    def test_a_cameras_raw_values_are_not_the_photograph(self):
        preview, raw = picture(12, 8, 1), picture(48, 32, 2)
        data = self.nested({"pixels": preview, "within": [
            {"pixels": raw, "photometric": 32803}]})
        np.testing.assert_array_equal(read(data), preview)

    def test_predict_mentions_further_pages_once_per_file(self):
        several = self.tiff([(picture(96, 96, seed), 2, None)
                             for seed in (1, 2, 3)])
        two = self.nested({"pixels": picture(96, 96, 4), "within": [
            {"pixels": picture(64, 64, 5)}]})
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "a.tif").write_bytes(several)
            (folder / "b.tif").write_bytes(two)
            Image.fromarray(picture(96, 96)).save(folder / "c.tif")
            (folder / "t.csv").write_text(
                "id,left,right\n1,a.tif,c.tif\n2,a.tif,a.tif\n3,c.tif,b.tif\n")
            for words in (("init", "--backbone", "resnet18", "--width", "16",
                           "--size", "32", "--out", "m"),
                          ("predict", "--model", "m", "t.csv")):
                run = subprocess.run([BUILD / "dmsnet", *words], cwd=folder,
                                     capture_output=True, text=True,
                                     check=True)
        said = [line for line in run.stderr.splitlines() if "page" in line]
        self.assertEqual(len(said), 2, run.stderr)
        self.assertRegex(said[0], r"warning: .*a\.tif: the file holds 2 further "
                         "pages, which are not read$")
        self.assertRegex(said[1], r"warning: .*b\.tif: the file holds 1 further "
                         "page, which is not read$")

    def tiff(self, pages):
        """pages: (pixels, subfile type or None, orientation or None), each a
        directory of one uncompressed strip."""
        data, link = b"II*\0\0\0\0\0", 4
        for pixels, kind, orientation in pages:
            height, width, _ = pixels.shape
            depths, strip = len(data), len(data) + 6
            data += struct.pack("<HHH", 8, 8, 8) + pixels.tobytes()
            data += b"\0" * (len(data) % 2)
            tags = [(256, 4, 1, width), (257, 4, 1, height),
                    (258, 3, 3, depths), (259, 3, 1, 1), (262, 3, 1, 2),
                    (273, 4, 1, strip), (277, 3, 1, 3), (278, 4, 1, height),
                    (279, 4, 1, pixels.size), (284, 3, 1, 1)]
            tags += [(254, 4, 1, kind)] if kind is not None else []
            tags += [(274, 3, 1, orientation)] if orientation else []
            data = (data[:link] + struct.pack("<L", len(data)) +
                    data[link + 4:])
            data += struct.pack("<H", len(tags))
            data += b"".join(struct.pack("<HHLL", *tag)
                             for tag in sorted(tags))
            link = len(data)
            data += b"\0" * 4
        return data

    def test_the_photograph_behind_a_thumbnail_is_read_upright(self):
        small, large = picture(6, 4, 1), picture(24, 16, 2)
        for kind in (None, 1):
            data = self.tiff([(small, kind, 3), (large, 0, 6)])
            np.testing.assert_array_equal(read(data), TURNS[6](large))

    def test_a_larger_picture_that_is_marked_reduced_is_not_the_photograph(self):
        mask, photograph = picture(48, 32, 1), picture(24, 16, 2)
        data = self.tiff([(mask, 4, None), (photograph, 0, None)])
        np.testing.assert_array_equal(read(data), photograph)

    def test_further_pages_are_mentioned_by_data_check(self):
        pages = [(picture(256, 256, seed), 2, None) for seed in (1, 2, 3)]
        with tempfile.TemporaryDirectory() as folder:
            folder = pathlib.Path(folder)
            (folder / "1_left.tif").write_bytes(self.tiff(pages))
            (folder / "1_right.tif").write_bytes(self.tiff(pages[1:2]))
            (folder / "t.csv").write_text("id,left,right\n"
                                          "1,1_left.tif,1_right.tif\n")
            run = subprocess.run([BUILD / "dmsnet", "data", "check", folder],
                                 capture_output=True, text=True, check=False)
        self.assertIn("left: the file holds 2 further pages", run.stdout)
        self.assertNotIn("right: the file holds", run.stdout)

    def test_of_equal_pages_the_first_is_read(self):
        first, second = picture(24, 16, 1), picture(24, 16, 2)
        data = self.tiff([(first, 2, None), (second, 2, None)])
        np.testing.assert_array_equal(read(data), first)


class Kinds(unittest.TestCase):
    def test_a_file_is_named_for_what_it_is(self):
        bmp = io.BytesIO()
        Image.fromarray(picture()).save(bmp, "BMP")
        gif = io.BytesIO()
        Image.fromarray(picture()).save(gif, "GIF")
        for data, says in (
                (b"", "the file is empty"),
                (b"\0" * 500, "zero bytes"),
                (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n",
                 "git lfs pull"),
                (b"\xef\xbb\xbf \n<!DOCTYPE HTML><html>", "HTML page"),
                (b"<HTML><body>403", "HTML page"),
                (b"<!-- saved from --><html>", "HTML page"),
                (b"<?xml version='1.0'?><!DOCTYPE html>", "HTML page"),
                (b"<?xml version='1.0'?><Error/>", "an XML document"),
                (bmp.getvalue(), "a BMP picture"),
                (gif.getvalue(), "a GIF picture"),
                (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC picture"),
                (b"\0\0\0\x18ftyphevc\0\0\0\0", "a HEIC picture"),
                (b"\0\0\0\x18ftypmif1\0\0\0\0", "a HEIF picture"),
                (b"\0\0\0\x1cftypavif\0\0\0\0", "an AVIF picture"),
                (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video"),
                (b"\0\0\0\x0cjP  \r\n\x87\n\0\0", "a JPEG 2000 picture"),
                (b"\0" * 128 + b"DICM\2\0", "a DICOM file"),
                (b"%PDF-1.7\n", "a PDF document"),
                (b"PK\x03\x04" + b"\0" * 40, "a ZIP archive"),
                (b"\0\x05\x16\x07\0\2\0\0", "AppleDouble"),
                (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 8, "Thumbs.db"),
                (b"just words", "not a JPEG, PNG, TIFF or WebP picture")):
            with self.subTest(data=data[:24]):
                with self.assertRaises(ValueError) as refused:
                    read(data)
                self.assertIn(says, str(refused.exception))

    def test_a_truncated_photograph_is_said_to_be_truncated(self):
        for kind in ("JPEG", "PNG", "TIFF", "WEBP"):
            file = io.BytesIO()
            Image.fromarray(picture(200, 200)).save(file, kind)
            data = file.getvalue()
            with self.subTest(kind=kind):
                with self.assertRaises(ValueError) as refused:
                    read(data[:len(data) // 2])
                self.assertRegex(str(refused.exception), "truncated|damaged")


if __name__ == "__main__":
    unittest.main()
