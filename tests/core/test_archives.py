"""Archives of others: what is plain is unpacked, what leads elsewhere is refused, on Pythons with and without a filter."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest

from kanaria.core.archives import extract


def archive(*members: tuple[str, bytes | None, bytes]) -> io.BytesIO:
    """Members as name, content or link target, and type."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as file:
        for name, content, kind in members:
            info = tarfile.TarInfo(name)
            info.type, info.mode, info.uid, info.gid, info.uname = kind, 0o4777, 1234, 1234, "daemon"
            if kind == tarfile.REGTYPE:
                info.size = len(content or b"")
                file.addfile(info, io.BytesIO(content or b""))
            else:
                info.linkname = (content or b"").decode()
                file.addfile(info)
    packed.seek(0)
    return packed


@pytest.fixture(params=["filter", "no filter"], autouse=True)
def python(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """As on 3.11.4 and later, and as on Debian 12."""
    if request.param == "no filter" and hasattr(tarfile, "data_filter"):
        monkeypatch.delattr(tarfile, "data_filter")
        monkeypatch.setattr(
            tarfile.TarFile, "extraction_filter", staticmethod(tarfile.fully_trusted_filter), raising=False
        )


def test_plain_files_and_folders_are_unpacked_as_ones_of_whoever_does_it(tmp_path: Path) -> None:
    whole = archive(("store", None, tarfile.DIRTYPE), ("store/a", b"content", tarfile.REGTYPE))
    with tarfile.open(fileobj=whole) as packed:
        extract(packed, tmp_path)
    found = (tmp_path / "store/a").stat()
    assert (tmp_path / "store/a").read_bytes() == b"content"
    assert (found.st_uid, found.st_mode & 0o7022) == (tmp_path.stat().st_uid, 0)


@pytest.mark.parametrize(
    "member",
    [
        ("../out", b"x", tarfile.REGTYPE),
        ("store/../../out", b"x", tarfile.REGTYPE),
        ("/tmp/out", b"x", tarfile.REGTYPE),
        ("link", b"/etc/passwd", tarfile.SYMTYPE),
        ("hard", b"store/a", tarfile.LNKTYPE),
        ("pipe", None, tarfile.FIFOTYPE),
        ("device", None, tarfile.CHRTYPE),
    ],
)
def test_what_leads_elsewhere_is_refused(tmp_path: Path, member: tuple[str, bytes | None, bytes]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with tarfile.open(fileobj=archive(member)) as packed, pytest.raises(tarfile.TarError):
        extract(packed, folder)
    assert not list(folder.iterdir())
    assert [place.name for place in tmp_path.iterdir()] == ["folder"]
