"""Which lines of a host's own package sources a machine image is built from."""

from pileus.drivers.volumes.images.mirrors import sources

RELEASE = "ID=debian\nVERSION_CODENAME=trixie\n"
DEB822 = """Types: deb
URIs: http://mirror.test/debian
Suites: trixie trixie-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

# a comment
Types: deb deb-src
URIs: http://mirror.test/security
Suites: trixie-security
Components: main

Types: deb
Enabled: no
URIs: http://off.test/debian
Suites: trixie
Components: main
"""


def etc(path, release=RELEASE, **files):
    (path / "apt/sources.list.d").mkdir(parents=True)
    (path / "os-release").write_text(release)
    for name, text in files.items():
        (path / "apt/sources.list.d" / name.replace("_", ".")).write_text(text)
    return path


def test_the_hosts_mirrors_serve_another_release(tmp_path):
    assert sources(etc(tmp_path, a_sources=DEB822), "bookworm") == [
        "deb http://mirror.test/debian bookworm main",
        "deb http://mirror.test/debian bookworm-updates main",
        "deb http://mirror.test/security bookworm-security main",
    ]


def test_lines_of_the_old_form_are_read_and_other_peoples_packages_are_not_taken(tmp_path):
    text = "deb [signed-by=/k arch=amd64] http://mirror.test/debian trixie main non-free # ours\n"
    text += "deb http://other.test/docker trixie stable\ndeb http://other.test/pg trixie-pgdg main\n"
    text += "#deb http://x trixie main\n"
    assert sources(etc(tmp_path, a_list=text), "bookworm") == ["deb http://mirror.test/debian bookworm main"]


def test_a_host_that_is_no_debian_knows_no_mirror(tmp_path):
    assert sources(etc(tmp_path, release="ID=ubuntu\nVERSION_CODENAME=noble\n", a_sources=DEB822), "bookworm") == []
