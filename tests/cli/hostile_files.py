"""Files that attack a reader of weights: (name, suffix, bytes, what the
refusal must say), for test_import_hostile.py. Standard library only."""
import io
import json
import struct
import zipfile
import zlib

MAGIC = bytes.fromhex("80028a0a6cfc9c46f9206aa850192e")
COMMAND = "touch OWNED"

# Every one runs code, or opens the way to it, in a naive reader.
GLOBALS = [
    "posix.system", "nt.system", "os.system", "os.popen", "os.execv",
    "posix.spawn", "builtins.eval", "builtins.exec", "builtins.getattr",
    "builtins.__import__", "builtins.open", "builtins.compile",
    "builtins.apply", "__builtin__.eval", "__builtin__.getattr",
    "subprocess.Popen", "subprocess.call", "subprocess.check_output",
    "commands.getoutput", "runpy._run_code", "runpy.run_path", "pty.spawn",
    "webbrowser.open", "importlib.import_module", "pickle.loads",
    "_pickle.loads", "torch.load", "torch.jit.load", "torch.hub.load",
    "torch.storage._load_from_bytes", "torch.serialization.load",
    "torch._utils._import_dotted_name", "torch._C._load_library",
    "torch.ops.load_library", "numpy.core.multiarray._reconstruct",
    "numpy.load", "numpy.f2py.crackfortran.getlincoef",
    "operator.attrgetter", "operator.methodcaller", "functools.partial",
    "functools.reduce", "marshal.loads", "types.CodeType",
    "types.FunctionType", "socket.socket", "socket.create_connection",
    "urllib.request.urlopen", "http.client.HTTPSConnection", "ctypes.CDLL",
    "code.InteractiveInterpreter", "codeop.compile_command", "timeit.timeit",
    "cProfile.run", "pdb.run", "bdb.Bdb", "asyncio.run", "shutil.rmtree",
    "tempfile.mkstemp", "multiprocessing.Process", "threading.Thread",
    "sys.exit", "_codecs.encode", "copyreg._reconstructor", "site.main",
    "distutils.spawn.spawn", "idlelib.run.Executive", "zipimport.zipimporter",
]


def text(value):
    data = value.encode()
    return b"X" + struct.pack("<I", len(data)) + data


def short(value):
    return b"\x8c" + bytes([len(value)]) + value.encode()


def number(value):
    return b"\x8a\x08" + struct.pack("<q", value)


def sizes(values):
    return b"(" + b"".join(number(v) for v in values) + b"t"


def storage(key="0", count=4, kind="torch\nFloatStorage"):
    return (b"(" + text("storage") + b"c" + kind.encode() + b"\n" + text(key)
            + text("cpu") + number(count) + b"tQ")


def tensor(shape=(4,), stride=(1,), first=0, **of):
    return (b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(**of)
            + number(first) + sizes(shape) + sizes(stride)
            + b"\x89ccollections\nOrderedDict\n)RtR")


def entry(value):
    """{"w": value} as a pickle."""
    return b"\x80\x02}" + text("w") + value + b"s."


GOOD = entry(tensor())


def packed(pickle=GOOD, entries=(), method=zipfile.ZIP_STORED,
           data=(("archive/data/0", b"\0" * 16),)):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("archive/data.pkl", pickle)
        for name, content in (*data, *entries):
            archive.writestr(zipfile.ZipInfo(name), content)
    return out.getvalue()


def stream(pickle=GOOD, keys=b"\x80\x02]X\1\0\0\0" b"0a.", order=b"\x88",
           data=struct.pack("<q", 4) + b"\0" * 16):
    return (MAGIC + b"\x80\x02M\xe9\x03." + b"\x80\x02}"
            + text("little_endian") + order + b"s." + pickle + keys + data)


def patched(data, at, value):
    return data[:at] + value + data[at + len(value):]


def dangerous_globals():
    for index, path in enumerate(GLOBALS):
        module, name = path.rsplit(".", 1)
        argument = text(COMMAND) + b"\x85R"
        plain = f"c{module}\n{name}\n".encode() + argument
        stacked = short(module) + short(name) + b"\x93" + argument
        says = f"refused: global {path} at byte"
        yield f"global {path}", "pth", packed(entry(plain)), says
        form = packed if index % 2 else stream
        yield (f"stack global {path}", "pth",
               form(b"\x80\x04" + entry(stacked)[2:]), says)
    for path in ("posix.system", "builtins.eval"):
        module, name = path.rsplit(".", 1)
        yield (f"INST {path}", "pth",
               packed(b"(" + text(COMMAND) + f"i{module}\n{name}\n.".encode()),
               "opcode 'i' (INST) at byte")
        yield (f"OBJ {path}", "pth",
               packed(b"(c" + f"{module}\n{name}\n".encode() + text(COMMAND)
                      + b"o."), f"global {path} at byte 1")
    yield ("a bare pickle", "pth",
           b"\x80\x02cposix\nsystem\n" + text(COMMAND) + b"\x85R.",
           "global posix.system at byte 2")
    yield ("an allowed global with more behind it", "pth",
           packed(b"\x80\x04" + short("collections")
                  + short("OrderedDict.__init__") + b"\x93."),
           "global collections.OrderedDict.__init__")
    yield ("a global with a line feed", "pth",
           packed(b"\x80\x04" + short("a\nb\x1b[2J") + short("c") + b"\x93."),
           "global a?b?[2J.c")
    yield ("a whole module", "pth",
           packed(b"\x80\x02ctorch.nn.modules.linear\nLinear\n)\x81."),
           "a whole module was saved, not its weights; where you trust")


def odd_pickles():
    cases = [
        ("EXT1", b"\x80\x02\x82\x01.", "(EXT1)"),
        ("EXT2", b"\x80\x02\x83\x01\x01.", "(EXT2)"),
        ("EXT4", b"\x80\x02\x84\1\1\1\1.", "(EXT4)"),
        ("NEWOBJ", b"\x80\x02ccollections\nOrderedDict\n)\x81.", "(NEWOBJ)"),
        ("NEWOBJ_EX", b"\x80\x04ccollections\nOrderedDict\n)}\x92.",
         "(NEWOBJ_EX)"),
        ("PERSID", b"Pfile:///etc/passwd\n.", "(PERSID)"),
        ("a call of a storage class", b"ctorch\nFloatStorage\nK\5\x85R.",
         "a call of torch.FloatStorage"),
        ("a call of a number", b"K\1)R.", "not a global"),
        ("a state for a dict", entry(b"}}b"), "may have a state"),
        ("a list in itself", b"\x80\x02]q\1h\1a.", "contains itself"),
        ("a dict in itself by way of a list",
         b"\x80\x02}q\1" + text("a") + b"]h\1as.", "contains itself"),
        ("2^40 leaves", b"\x80\x02]" + b"q\x010](h\1h\1e" * 40 + b".",
         "elements"),
        ("a depth of a hundred thousand", b"N" + b"\x85" * 100000 + b".",
         "nest deeper than 64"),
        ("a depth of a hundred thousand marks", b"(" * 100000 + b".",
         "the stack is empty"),
        ("two million marks", b"(" * (2 << 20) + b".", "(MARK)"),
        ("three million values", b"N0" * (3 << 20) + b".", "(NONE)"),
        ("five million elements", b"]q\1" + b"h\1a" * (5 << 20) + b".",
         "(APPEND)"),
        ("a text of 2^31 bytes", b"X\xff\xff\xff\x7fa.", "pickle's end"),
        ("a text of 2^64 bytes", b"\x8d" + b"\xff" * 8 + b".", "pickle's end"),
        ("bytes of 2^31", b"B\xff\xff\xff\x7fa.", "pickle's end"),
        ("an integer of 2^31 bytes", b"\x8b\0\0\0\x80.", "256 bytes"),
        ("an integer of 2^31 - 1 bytes", b"\x8b\xff\xff\xff\x7f.", "256 bytes"),
        ("a frame of 2^63 bytes", b"\x95" + struct.pack("<Q", 1 << 63) + b"N.",
         "pickle's end"),
        ("no STOP", b"\x80\x02}", "without STOP"),
        ("nothing", b"", "without STOP"),
        ("STOP alone", b".", "the stack is empty"),
        ("an underflow by TUPLE3", b"N\x87.", "the stack is empty"),
        ("an underflow by SETITEMS", b"u.", "there is no mark"),
        ("an underflow by POP", b"0.", "the stack is empty"),
        ("an unset memo", b"h\x07.", "not set"),
        ("an unset memo of 2^32", b"j\xff\xff\xff\xff.", "not set"),
        ("a memo of 2^32", b"Nr\xff\xff\xff\xff.", "beyond the limit"),
        ("protocol 255", b"\x80\xffN.", "a protocol above 5"),
        ("a key twice", b"\x80\x02}(" + text("w") + tensor() + text("w")
         + tensor() + b"u.", "key 'w' twice"),
        ("a name twice", b"\x80\x02}(" + text("a.b") + tensor() + text("a")
         + b"}" + text("b") + tensor() + b"su.", "two tensors are named"),
        ("a name with an escape", b"\x80\x02}" + text("\x1b]0;a\x07")
         + tensor() + b"s.", "not a name for a tensor"),
        ("a name of 100 kB", b"\x80\x02}" + text("a" * 100000) + tensor()
         + b"s.", "at most 256"),
        ("a name that is no UTF-8", b"\x80\x02}U\2\xff\xfe" + tensor() + b"s.",
         "not a name for a tensor"),
    ]
    for name, pickle, says in cases:
        yield name, "pth", packed(pickle), says


def odd_tensors():
    huge = (1 << 62) - 1
    cases = [
        ("a storage smaller than its tensor", tensor((5,)), "reaches over 5"),
        ("a first element behind the end", tensor((1,), first=4), "reaches"),
        ("a negative first element", tensor((1,), first=-1), "begins past"),
        ("a negative stride", tensor((4,), (-1,)), "negative"),
        ("a negative size", tensor((-4,)), "negative"),
        ("a stride that overflows", tensor((5,), (huge,)), "reaches"),
        ("strides that overflow", tensor((9, 9), (huge, huge)), "overflows"),
        ("a shape that overflows", tensor((huge, huge), (0, 0)), "overflows"),
        ("a terabyte of one element", tensor((1 << 40,), (0,)), "repeats"),
        ("a shape of a hundred dimensions", tensor((1,) * 100, (1,) * 100),
         "at most 8"),
        ("a stride too few", tensor((2, 2), (1,)), "differ in length"),
        ("a storage of too many elements", tensor(count=5), "are 20"),
        ("a storage of 2^62 elements", tensor(count=1 << 62), "possible size"),
        ("a storage of -1 elements", tensor(count=-1), "possible size"),
        ("a storage that is not there", tensor(key="1"), "missing"),
        ("a storage by a path", tensor(key="../../data/0"), "missing"),
        ("a storage by an absolute path", tensor(key="/etc/passwd"), "missing"),
        ("a quantised storage", tensor(kind="torch\nQInt8Storage"),
         "torch.QInt8Storage"),
        ("a complex storage", tensor(kind="torch\nComplexDoubleStorage"),
         "torch.ComplexDoubleStorage"),
        ("a storage of two types", b"(" + tensor() + tensor(
            kind="torch\nIntStorage") + b"t", "two sizes or element types"),
        ("a tensor of no storage",
         b"ctorch._utils\n_rebuild_tensor_v2\n(NNNNNNtR", "does not have a storage"),
        ("a parameter of itself", b"ctorch._utils\n_rebuild_parameter\nq\1"
         b"h\1N\x85R\x85R", "not made of a tensor"),
    ]
    for name, value, says in cases:
        yield name, "pth", packed(entry(value)), says
    yield ("a storage beyond the stream", "pth", stream(
        data=struct.pack("<q", 4) + b"\0" * 15), "ends inside storage '0'")
    yield ("a stream's storage of 2^63 elements", "pth", stream(
        data=struct.pack("<Q", 1 << 63)), "elements")
    yield ("a stream's storage that no tensor uses", "pth", stream(
        keys=b"\x80\x02]X\1\0\0\0" b"1a."), "no tensor uses")
    yield "a stream without its list", "pth", stream(
        keys=b"\x80\x02}."), "list of storages"
    yield "a big-endian stream", "pth", stream(order=b"\x89"), "little-endian"
    yield "bytes behind a stream", "pth", stream() + b"x", "1 bytes follow"


def odd_zips():
    good = packed()
    central = good.index(b"PK\1\2")
    second = good.index(b"PK\1\2", central + 4)
    end = good.index(b"PK\5\6")
    for at in sorted({*range(4, len(good), 37), len(good) - 1, end, central}):
        yield f"a zip cut at byte {at}", "pth", good[:at], "end record"
    for at in range(20, len(stream()) - 1, 23):
        yield f"a stream cut at byte {at}", "pth", stream()[:at], ""
    offset = struct.pack("<I", 0)
    # As torch.save writes them: sizes in the directory alone.
    later = patched(patched(patched(good, 6, b"\x08"), 14, b"\0" * 12),
                    central + 8, b"\x08")
    cases = [
        ("two entries in one place", patched(good, second + 42, offset),
         "local header"),
        ("another size in the local header", patched(
            good, central + 20, struct.pack("<II", 900, 900)), "local header"),
        ("an overlap", patched(later, central + 20,
                               struct.pack("<II", 180, 180)), "overlaps"),
        ("an entry over the directory", patched(
            later, central + 20, struct.pack("<II", 900, 900)),
         "reaches past"),
        ("an entry beyond the file", patched(
            good, second + 42, struct.pack("<I", 1 << 31)), "begins after"),
        ("a wrong CRC", good.replace(GOOD, GOOD[:-1] + b"N"), "CRC-32"),
        ("a storage's wrong CRC", patched(good, central - 8, b"\1"), "CRC-32"),
        ("encryption", patched(patched(good, 6, b"\1"), central + 8, b"\1"),
         "is encrypted"),
        ("another name in the local header", good.replace(
            b"archive/data.pkl", b"archive/data.pk1", 1), "contradicts"),
        ("bytes before the archive", b"PK\3\4" + good, "does not end at"),
        ("bytes behind the archive", good + b"\0" * 30, "end record"),
        ("65,535 entries", patched(
            good, end + 8, b"\xff\xff\xff\xff"), "do not fit"),
        ("a directory of 2^32 bytes", patched(
            good, end + 12, b"\xff" * 8), "does not end at"),
        ("several disks", patched(good, end + 4, b"\1"), "several disks"),
        ("compression", packed(method=zipfile.ZIP_DEFLATED),
         "is compressed (method 8): PyTorch stores"),
        ("a bomb of 100 MB", packed(b"\x80\x02" + b"N0" * (50 << 20),
                                    method=zipfile.ZIP_DEFLATED), "compressed"),
        ("a parent folder", packed(entries=[("archive/../../x", b"")]),
         "not a name inside"),
        ("an absolute name", packed(entries=[("/etc/cron.d/x", b"")]),
         "not a name inside"),
        ("a backslash", packed(entries=[("archive\\x", b"")]),
         "not a name inside"),
        ("an escape in a name", packed(entries=[("archive/\x1b[2J", b"")]),
         "not a name inside"),
        ("a big-endian machine's", packed(
            entries=[("archive/byteorder", b"big")]), "big-endian"),
        ("no storages", packed(data=()), "missing"),
        ("two data.pkl", packed(entries=[("other/data.pkl", GOOD)]),
         "two data.pkl"),
        ("no data.pkl", good.replace(b"data.pkl", b"data.pk1"),
         "without data.pkl"),
        ("TorchScript", packed(entries=[("archive/code/a.py", b"x")]),
         "TorchScript"),
        ("a zip64 record that lies", zip64(good, 1 << 40), "zip64"),
        ("a zip64 locator to nowhere", zip64(good, None), "zip64"),
        ("a tar", b"x" * 257 + b"ustar\x0000" + b"\0" * 300, "tar form"),
    ]
    for name, data, says in cases:
        yield f"a zip: {name}", "pth", data, says
    twice = packed(entries=[("archive/data/1", b"\1" * 16)])
    yield ("a zip: a name twice", "pth", twice.replace(
        b"archive/data/1", b"archive/data/0"), "is there twice")


def zip64(good, entries):
    """good with a zip64 end record that has another number of entries."""
    end = good.index(b"PK\5\6")
    size, offset = struct.unpack_from("<II", good, end + 12)
    wide = struct.pack("<4sQHHIIQQQQ", b"PK\6\6", 44, 45, 45, 0, 0,
                       entries or 2, entries or 2, size, offset)
    place = end if entries else 1 << 60
    locator = struct.pack("<4sIQI", b"PK\6\7", 0, place, 1)
    return good[:end] + wide + locator + good[end:]


def safetensors(header, data=b"", length=None):
    if not isinstance(header, (bytes, str)):
        header = json.dumps(header)
    raw = header.encode() if isinstance(header, str) else header
    return struct.pack("<Q", len(raw) if length is None else length) + raw + data


def tensor_entry(shape, begin, end, dtype="F32"):
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def odd_safetensors():
    one = tensor_entry([1], 0, 4)
    cases = [
        ("an overlap", safetensors({"a": tensor_entry([2], 0, 8),
                                    "b": tensor_entry([2], 4, 12)},
                                   b"\0" * 12), "an overlap"),
        ("a hole", safetensors({"a": one, "b": tensor_entry([1], 8, 12)},
                               b"\0" * 12), "a hole"),
        ("data of no tensor", safetensors({"a": one}, b"\0" * 8),
         "belong to no tensor"),
        ("100,000 tensors", safetensors(
            {f"t{i}": tensor_entry([0], 0, 0) for i in range(100000)}),
         "at most 65536"),
        ("a shape that overflows", safetensors(
            {"a": tensor_entry([1 << 62, 4], 0, 0)}), "overflows"),
        ("a negative size", safetensors({"a": tensor_entry([-1], 0, 4)},
                                        b"\0" * 4), "not a size"),
        ("a size that is no integer", safetensors(
            {"a": tensor_entry([1e300], 0, 4)}, b"\0" * 4), "not a size"),
        ("data beyond the file", safetensors({"a": tensor_entry([99], 0, 396)},
                                             b"\0" * 4), "ends at byte 396"),
        ("NaN in the metadata", safetensors(
            '{"__metadata__":{"a":NaN}}'), "JSON"),
        ("Infinity for a size", safetensors(
            '{"a":{"dtype":"F32","shape":[Infinity],"data_offsets":[0,4]}}',
            b"\0" * 4), "JSON"),
        ("a header of 2^60 bytes", safetensors("{}", length=1 << 60),
         "is claimed"),
        ("a header of 2^64 - 1 bytes", safetensors(
            "{}", length=(1 << 64) - 1), "is claimed"),
        ("a name twice", safetensors(
            '{"a":%s,"a":%s}' % ((json.dumps(one),) * 2), b"\0" * 4),
         "duplicate"),
        ("a deep header", safetensors("[" * 100000 + "]" * 100000), ""),
        ("a deep entry", safetensors('{"a":' + "[" * 2000 + "]" * 2000 + "}"),
         ""),
        ("a name with a line feed", safetensors('{"a\\nb":%s}'
                                                % json.dumps(one), b"\0" * 4),
         "control character"),
        ("an unknown element type", safetensors(
            {"a": tensor_entry([1], 0, 4, "F31")}, b"\0" * 4), "dtype"),
        ("no JSON", safetensors(b"\xff" * 64), ""),
        ("names with ..", safetensors({"../../etc/passwd": one}, b"\0" * 4),
         ""),
        ("an empty file", b"", ""),
        ("seven bytes", b"\0" * 7, ""),
        ("a picture", b"\x89PNG\r\n\x1a\n" + zlib.compress(b"x") * 9, ""),
    ]
    for name, data, says in cases:
        yield f"safetensors: {name}", "safetensors", data, says


def files():
    """Every one of them."""
    for part in (dangerous_globals, odd_pickles, odd_tensors, odd_zips,
                 odd_safetensors):
        yield from part()
