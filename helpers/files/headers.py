"""What the headers of WAV, Ogg and MPEG files say, and what the files hold instead.

Behind `audio.load`, for what libsndfile takes at its word: a WAV that tells less than it holds,
files put end to end, tags before the sound. Nothing is decoded here.
"""

import io
import re
import struct
from typing import Any

# WAV's codes for what libsndfile decodes; any other is another container's codec in a WAV.
OWN_CODES = {1, 2, 3, 6, 7, 0x11, 0x31, 0x40, 0x64, 0xFFFE}
STRANGERS = (b"PK\3\4", b"TAG", b"\x89PNG", b"\xff\xd8\xff", b"%PDF")  # what people hide in a WAV
NAME = re.compile(rb"[A-Za-z][\w -]{2}[\w ]")  # what a chunk of a WAV can be called


def read_at(file, at, size) -> bytes:
    """Return `size` bytes from `at` on of a path's file or of contents.

    Examples
    --------
    >>> read_at(b"abcdef", 2, 3)
    b'cde'
    """
    if isinstance(file, bytes):
        return file[at : at + size]
    with file.open("rb") as stream:
        stream.seek(at)
        return stream.read(size)


def size_of(file) -> int:
    """Return how many bytes there are.

    Examples
    --------
    >>> size_of(b"abc")
    3
    """
    return len(file) if isinstance(file, bytes) else file.stat().st_size


def after_tags(file) -> int:
    r"""Return where the sound begins: after the ID3v2 tags, which hold words and pictures.

    Examples
    --------
    >>> after_tags(b"ID3\3\0\0\0\0\0\1?\xff\xfb"), after_tags(b"RIFF")
    (11, 0)
    """
    at = 0
    while (tag := read_at(file, at, 10))[:3] == b"ID3" and len(tag) == 10:
        size = sum((byte & 127) << 7 * i for i, byte in enumerate(tag[:5:-1]))
        at += 10 + size + (10 if tag[5] & 16 else 0)
    return at


def ogg(data) -> tuple:
    """Walk through the pages of an Ogg file.

    Parameters
    ----------
    data : bytes
        Its contents.

    Returns
    -------
    starts : list of int
        Where each of the files begins that were put end to end; one, usually.
    whole : bool
        Whether the last page is there to its last byte.
    ended : bool
        Whether it says that it is the last, which Android's recorders leave out.

    Examples
    --------
    >>> ogg(b"OggS" + bytes(30))
    ([], True, False)
    """
    starts: list[int] = []
    whole, ended, opening, at = False, False, False, 0
    while (at := data.find(b"OggS", at)) >= 0:
        head = data[at : at + 27 + 255]
        if len(head) < 27:
            return starts, False, False
        first = bool(head[5] & 2)
        if first and not opening:  # several first pages in a row: streams beside each other
            starts.append(at)
        opening, ended = first, bool(head[5] & 4)
        at += 27 + head[26] + sum(head[27 : 27 + head[26]])
        whole = at <= len(data)
    return starts, whole, ended and whole


def flac(file) -> list[int]:
    r"""Return where each of the FLAC files begins that were put end to end; one, usually.

    Examples
    --------
    >>> flac(b"fLaC\0\0\0\x22...fLaC\0\0\0\x22..")
    [0, 11]
    """
    begin = re.compile(rb"fLaC[\0\x80]\0\0\x22")  # what FLAC begins with, and the size of that
    data = read_at(file, 0, size_of(file))
    return [found.start() for found in begin.finditer(data)]


def wav(file) -> dict | None:
    """Walk through the chunks of a WAV file up to its samples.

    Parameters
    ----------
    file : bytes or Path
        The file.

    Returns
    -------
    dict or None
        The chunk `fmt`, the `code` of what the samples are stored as, where they `start` and
        `stop` by the header, the `size` of the file, and what comes after them: `more`, "" for
        nothing or chunks of other kinds, "sound" for samples that the header does not count,
        "file" for another WAV. None where it is no WAV or its chunks lead nowhere.

    Examples
    --------
    >>> print(wav(b"RIFF"))
    None
    """
    if not re.match(b"(?s)RIFF....WAVE", read_at(file, 0, 12)):
        return None
    at, size, fmt = 12, size_of(file), b""
    while NAME.match(head := read_at(file, at, 8)) and len(head) == 8:
        name, length = head[:4], int.from_bytes(head[4:], "little")
        if name == b"fmt ":
            fmt = read_at(file, at + 8, min(length, 4096))
        if name == b"data":
            break
        at += 8 + length + length % 2
    else:
        return None
    if len(fmt) < 16:
        return None
    code = int.from_bytes(fmt[:2], "little")
    if code == 0xFFFE and len(fmt) >= 26:  # "extensible": the code proper stands further on
        code = int.from_bytes(fmt[24:26], "little")
    found = {"fmt": fmt, "code": code, "start": at + 8, "stop": at + 8 + length, "size": size}
    stop = at + 8 + length
    after = stop + length % 2
    rest = read_at(file, stop, 1024)
    more = ""
    if read_at(file, after, 4) in (b"RIFF", b"fLaC", b"OggS"):
        more = "file"
    elif rest[length % 2 :].startswith(STRANGERS):
        more = ""
    elif len(rest) == 1024 and any(rest) and not NAME.match(read_at(file, after, 4)):
        more = "sound"
    return {**found, "after": after, "more": more}


def mpeg_chain(file) -> bool:
    """Tell whether another MPEG file follows the one that the first table of contents counts.

    Examples
    --------
    >>> mpeg_chain(b"no MPEG at all")
    False
    """
    at = after_tags(file)
    table = contents_table(read_at(file, at, 256))
    if not table or not table[4 + 3] & 2:  # it does not tell its size in bytes
        return False
    field = 8 + (4 if table[7] & 1 else 0)
    end = at + int.from_bytes(table[field : field + 4], "big")
    while read_at(file, end, 3) == b"TAG":  # ID3v1: 128 bytes at the end of each
        end += 128
    return bool(re.match(rb"ID3|\xff[\xe2-\xff]", read_at(file, end, 4)))


def contents_table(frame) -> Any:
    r"""Return the table of contents in an MPEG file's first frame, or nothing.

    Examples
    --------
    >>> contents_table(b"\xff\xfb\x90\0" + bytes(32) + b"Xing\0\0\0\3...")
    b'Xing\x00\x00\x00\x03...'
    """
    found = re.match(rb"(?s)\xff[\xe2-\xff].{7,36}?((?:Xing|Info).{4,})", frame)
    return found[1] if found else b""


class Samples(io.RawIOBase):
    """A WAV file with a header as it should be: what libsndfile reads in place of the file's own.

    Nothing is copied, as such a file may hold 4 GB.
    """

    def __init__(self, file, fmt, start, stop):
        super().__init__()
        size = min(stop - start, 2**32 - 1)
        self._header = b"RIFF" + struct.pack("<I", min(size + 28 + len(fmt), 2**32 - 1)) + b"WAVE"
        self._header += b"fmt " + struct.pack("<I", len(fmt)) + fmt + b"\0" * (len(fmt) % 2)
        self._header += b"data" + struct.pack("<I", size)
        self._file = io.BytesIO(file) if isinstance(file, bytes) else file.open("rb")
        self._start, self._size, self._at = start, len(self._header) + stop - start, 0

    def seek(self, offset, whence=io.SEEK_SET):
        """Move, as every file does."""
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        return self._at

    def tell(self):
        """Tell where it stands."""
        return self._at

    def readinto(self, buffer):
        """Fill a buffer from the header, or from the samples."""
        n = max(0, min(len(buffer), self._size - self._at))
        if self._at < len(self._header):
            piece = self._header[self._at : self._at + n]
        else:
            self._file.seek(self._start + self._at - len(self._header))
            piece = self._file.read(n)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def close(self):
        """Let go of the file."""
        self._file.close()
        super().close()
