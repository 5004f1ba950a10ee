"""Builds a machine image: a root folder by mmdebstrap, our files laid over it, an ext4 file system made of it.

What was built is kept in a cache folder under a name with a hash of the recipe: it is built anew when the recipe
changes, and only then.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pileus.drivers.api import Unable
from pileus.drivers.programs import REMEDY, found
from pileus.drivers.volumes.images.mirrors import sources

HERE = Path(__file__).parent
ETC = Path("/etc")
BUILDER = 2
"""Raised when this module builds differently from the same recipe."""


@dataclass(frozen=True)
class Recipe:
    """`links`: path -> what it points at. `masked`, `wanted`: units that never start, and target -> units that do."""

    release: str
    size: int
    packages: str
    links: dict[str, str]
    masked: str
    wanted: dict[str, tuple[str, ...]]
    removed: tuple[str, ...]


RECIPES = {
    "debian-12": Recipe(
        release="bookworm",
        size=8 * 1024**3,
        packages="systemd-sysv dbus openssh-server cloud-init sudo curl ca-certificates iproute2 iputils-ping e2fsprogs"
        " xfsprogs fdisk jq python3 netcat-openbsd awscli procps less vim-tiny kmod netbase libnss-myhostname",
        links={
            **{f"usr/sbin/mount.{kind}": "../lib/pileus/ask" for kind in ("ext2", "ext3", "ext4", "xfs")},
            **{f"usr/local/sbin/{name}": "../../lib/pileus/ask" for name in ("resize2fs", "xfs_growfs")},
        },
        masked="apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer"
        " dpkg-db-backup.timer systemd-udevd.service systemd-udev-trigger.service systemd-pstore.service"
        " cloud-init-hotplugd.socket getty@tty1.service dev-hugepages.mount sys-kernel-debug.mount"
        " sys-kernel-tracing.mount sys-kernel-config.mount sys-fs-fuse-connections.mount"
        " systemd-remount-fs.service modprobe@.service"
        " cloud-init-local.service cloud-init.service cloud-config.service cloud-final.service",
        wanted={
            "sysinit.target": ("pileus-trust.service",),
            "local-fs.target": ("pileus-mounts.service",),
            "multi-user.target": ("pileus-cloud-init.service",),
        },
        removed=("etc/hostname", "etc/ssh/ssh_host_*", "etc/resolv.conf", "var/log/*.log", "var/cache/apt/*.bin"),
    )
}


def recipe_of(name: str) -> Recipe:
    if name not in RECIPES:
        raise Unable(f"nobody knows how to build an image {name!r}; there are: {', '.join(sorted(RECIPES))}")
    return RECIPES[name]


def path_of(name: str, cache: Path) -> Path:
    """Where the built image is, once it is built."""
    recipe = recipe_of(name)
    digest = hashlib.sha256(f"{BUILDER} {recipe!r}".encode())
    for path in _overlay(name):
        digest.update(str(path.relative_to(HERE)).encode())
        digest.update(path.read_bytes())
    return cache / f"{name}-{digest.hexdigest()[:12]}.ext4"


def ensure(name: str, cache: Path, progress: Callable[[str], None]) -> Path:
    """Returns the image's file, built now if it is not in the cache. Two that ask at once build it once."""
    path = path_of(name, cache)
    if path.exists():
        return path
    if os.geteuid() != 0:
        raise Unable(f"the image {name} is not built yet, and building it needs root: {REMEDY}")
    cache.mkdir(parents=True, exist_ok=True)
    with open(cache / f".{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _build(name, recipe_of(name), path, progress)
    return path


def _build(name: str, recipe: Recipe, path: Path, progress: Callable[[str], None]) -> None:
    folder = path.with_suffix(".building")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    root = folder / "root"
    try:
        progress(f"{name}: installing {len(recipe.packages.split())} packages and what they need (a minute)")
        _debootstrap(recipe, root)
        progress(f"{name}: laying our own files over it")
        _lay_over(name, recipe, root)
        progress(f"{name}: making its file system")
        file = folder / "disk"
        with open(file, "wb") as disk:
            disk.truncate(recipe.size)
        _run([_program("mkfs.ext4"), "-q", "-F", "-m", "1", "-L", "cloudimg-root", "-d", str(root), str(file)])
        file.chmod(0o600)
        shutil.rmtree(root)  # before it counts as built: what is left by a kill is removed by who builds again
        file.rename(path)
        progress(f"{name}: built, {path.stat().st_blocks * 512 // 1024**2} MB in {path}")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _debootstrap(recipe: Recipe, root: Path) -> None:
    lines = sources(ETC, recipe.release)
    if not lines:
        raise Unable(
            "this host's apt knows no Debian mirror (/etc/apt/sources.list, sources.list.d) to build images from:"
            " add one, or build the image on a Debian host and copy its /var/cache/pileus/images here"
        )
    kept_out = ("/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*")
    command = [*_held(), _program("mmdebstrap"), "--quiet", "--variant=minbase", "--mode=root"]
    command += [f"--include={','.join(recipe.packages.split())}", '--aptopt=APT::Install-Recommends "false"']
    command += [f"--dpkgopt=path-exclude={pattern}" for pattern in kept_out]
    command += ["--dpkgopt=path-include=/usr/share/doc/*/copyright", recipe.release, str(root), *lines]
    _run(command)


def _held() -> list[str]:
    """Begins a command that ends with this process, all that it started and its mounts included: whoever builds next
    removes the folder."""
    return [
        *(_program("setpriv"), "--pdeathsig", "KILL"),
        *(_program("unshare"), "--mount", "--pid", "--mount-proc", "--fork", "--kill-child=KILL"),
    ]


def _lay_over(name: str, recipe: Recipe, root: Path) -> None:
    for path in _overlay(name):
        inside = path.relative_to(HERE / name)
        target = root / (inside.with_suffix("") if inside.suffix == ".in" else inside)
        _folder_for_all(target.parent)
        target.unlink(missing_ok=True)
        shutil.copyfile(path, target)
        target.chmod(0o755 if target.parent.parts[-2:] == ("lib", "pileus") else 0o644)
    for link, aim in recipe.links.items():
        (root / link).unlink(missing_ok=True)
        (root / link).symlink_to(aim)
    units = root / "etc/systemd/system"
    for unit in recipe.masked.split():
        (units / unit).unlink(missing_ok=True)
        (units / unit).symlink_to("/dev/null")
    for target_unit, wants in recipe.wanted.items():
        _folder_for_all(units / f"{target_unit}.wants")
        for unit in wants:
            (units / f"{target_unit}.wants" / unit).symlink_to(f"/etc/systemd/system/{unit}")
    for pattern in recipe.removed:
        for path in root.glob(pattern):
            path.unlink()
    for empty in ("etc/machine-id", "etc/resolv.conf", "etc/fstab"):
        (root / empty).write_text("")
    # A machine knows itself before anybody tells it more.
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n")


def _folder_for_all(path: Path) -> None:
    """That everybody in the guest may enter, whatever the umask of who builds: the cloud's own is narrow."""
    if not path.is_dir():
        _folder_for_all(path.parent)
        path.mkdir()
        path.chmod(0o755)


def _overlay(name: str) -> list[Path]:
    return sorted(path for path in (HERE / name).rglob("*") if path.is_file())


def _program(name: str) -> str:
    path = found(name)
    if path is None:
        raise Unable(f"the program {name} is missing: {REMEDY}")
    return path


def _run(command: list[str]) -> None:
    environment = {"PATH": os.defpath + ":/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/root"}
    for name in ("http_proxy", "https_proxy", "no_proxy"):
        if name in os.environ:
            environment[name] = os.environ[name]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=environment)
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-8:])
        raise Unable(f"{Path(command[0]).name} failed ({done.returncode}):\n{last}")
