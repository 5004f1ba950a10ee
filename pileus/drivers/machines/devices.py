"""What a guest sees of disks: nodes in its /dev, and lists in /proc and /sys that name its own disks and no others.

A node is made on the host, owned by the guest's root, and moved into the guest's view: its own /dev can hold none. The
lists are folders of ours, bound over the kernel's.
"""

import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

from pileus.drivers.linux import loops, mounts, namespaces
from pileus.drivers.machines.folder import Disk, Folder

ROOT_DEVICE = "xvda"
ASKED = ".pileus"
"""Folder in the guest's /dev with the socket at which it asks for mounts."""
_DISK_GROUP = 6
_LEFT_WITHIN = 10.0


def node(folder: Folder, device: str, number: int, owner: int, group: int) -> Path:
    """The device's node on the host, for it to be moved into the guest or mounted."""
    folder.devices.mkdir(exist_ok=True)
    path = folder.devices / device
    path.unlink(missing_ok=True)
    os.mknod(path, stat.S_IFBLK | 0o600, os.makedev(loops.MAJOR, number))
    os.chmod(path, 0o660)
    os.chown(path, owner, group)
    return path


def plug(folder: Folder, pid: int, disk: Disk, base: int) -> None:
    """Has the guest see the disk; may be repeated."""
    loops.wait_for_end(Path(disk.path), _LEFT_WITHIN)
    number = loops.of(Path(disk.path))
    if number is None:
        number, opened = loops.attach(Path(disk.path))
        os.close(opened)
    limit(folder, disk, number)
    made = node(folder, disk.device, number, base, base + _DISK_GROUP)
    with mounts.clone(str(made)) as mount:
        move_in(pid, base, mount, f"/dev/{disk.device}")
    show(folder)


def unplug(folder: Folder, pid: int, disk: Disk, base: int) -> None:
    """The guest sees it no longer. Who still holds it open goes on holding it."""
    if pid:
        take_out(pid, base, f"/dev/{disk.device}")
    (folder.devices / disk.device).unlink(missing_ok=True)
    number = loops.of(Path(disk.path))
    if number is not None:
        limit(folder, Disk(disk.volume, disk.path, disk.device), number)
        loops.clear(number)


def limit(folder: Folder, disk: Disk, number: int) -> None:
    cgroup = folder.cgroup()
    if cgroup.folder("blkio").is_dir():
        cgroup.limit_disk(number, disk.iops, disk.throughput)


def move_in(pid: int, base: int, mount: int, target: str, is_folder: bool = False) -> None:
    """Mounts it in the guest at a new file (or folder) that the guest's root owns."""

    def work() -> None:
        mounts.unmount(target)
        namespaces.as_owner(base)
        if is_folder:
            Path(target).mkdir(exist_ok=True)
        else:
            os.close(os.open(target, os.O_CREAT | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        namespaces.as_owner(0)
        mounts.move(mount, target)

    namespaces.in_mounts_of(pid, work)


def take_out(pid: int, base: int, target: str) -> None:
    def work() -> None:
        mounts.unmount(target)
        namespaces.as_owner(base)
        Path(target).unlink(missing_ok=True)

    namespaces.in_mounts_of(pid, work)


def holders(folder: Folder, number: int) -> list[int]:
    """The guest's processes that have the device, or a file of a file system on it, open or are in one."""
    device = os.makedev(loops.MAJOR, number)
    return [pid for pid in folder.cgroup().processes() if _holds(pid, device)]


def _holds(pid: int, device: int) -> bool:
    try:
        paths = [f"/proc/{pid}/{name}" for name in ("cwd", "root", "exe")]
        paths += [f"/proc/{pid}/fd/{name}" for name in os.listdir(f"/proc/{pid}/fd")]
    except (FileNotFoundError, ProcessLookupError):
        return False
    for path in paths:
        try:
            found = os.stat(path)
        except OSError:
            continue  # closed while we looked, or a kind of file that has no status
        if found.st_dev == device or (stat.S_ISBLK(found.st_mode) and found.st_rdev == device):
            return True
    return False


def in_use(folder: Folder, number: int) -> bool:
    return loops.claimed(number) or bool(holders(folder, number))


def let_go(folder: Folder, number: int) -> None:
    """By force: unmounts its file systems wherever the guest has them, and kills the guest's processes that hold it."""
    device = (loops.MAJOR, number)
    seen = set()
    for pid in folder.cgroup().processes():
        try:
            view = os.stat(f"/proc/{pid}/ns/mnt").st_ino
            points = mounts.points_of(pid, device)
            if view not in seen and points:
                namespaces.in_mounts_of(pid, _unmounts(points))
            seen.add(view)
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile
    for pid in holders(folder, number):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _unmounts(points: list[str]) -> Callable[[], None]:
    def work() -> None:
        for point in reversed(points):
            mounts.unmount(point)

    return work


def hide_the_hosts(folder: Folder, pid: int) -> None:
    """Binds our lists over the kernel's; once a boot, before init runs."""
    show(folder)
    empty = folder.shown / "empty"
    empty.mkdir(exist_ok=True)
    covers = {"/proc/partitions": folder.shown / "partitions", "/sys/block": folder.shown / "block"}
    covers |= {"/sys/class/block": folder.shown / "block", "/sys/dev/block": folder.shown / "numbers"}
    for name in os.listdir("/sys/block"):
        covers[os.path.dirname(os.path.realpath(f"/sys/block/{name}"))] = empty
    for target, source in covers.items():
        with mounts.clone(str(source)) as mount:
            mounts.attributes(mount, given=mounts.RDONLY | mounts.NOSUID | mounts.NODEV | mounts.NOEXEC)
            namespaces.in_mounts_of(pid, _mover(mount, target))


def _mover(mount: int, target: str) -> Callable[[], None]:
    return lambda: mounts.move(mount, target)


def show(folder: Folder) -> None:
    """Writes the lists anew: /proc/partitions, /sys/block, /sys/dev/block."""
    namespaces.aside(lambda: _show(folder))


def _show(folder: Folder) -> None:
    block, numbers = folder.shown / "block", folder.shown / "numbers"
    for path in (folder.shown, block, numbers):
        path.mkdir(exist_ok=True)
    disks = {disk.device: Path(disk.path) for disk in folder.disks() if (folder.devices / disk.device).exists()}
    lines = ["major minor  #blocks  name", ""]
    found = {}
    for device, path in {ROOT_DEVICE: folder.root_disk(), **disks}.items():
        number = loops.of(path)
        if number is not None:
            found[device] = number
            size = path.stat().st_size
            _describe(block / device, device, number, size)
            link = numbers / f"{loops.MAJOR}:{number}"
            if not link.is_symlink():
                link.symlink_to(f"../../block/{device}")
            if device != ROOT_DEVICE:
                lines.append(f"{loops.MAJOR:4d} {number:7d} {size // 1024:10d} {device}")
    for stale in [path for path in block.iterdir() if path.name not in found]:
        remove(stale)
    for link in list(numbers.iterdir()):
        if link.name not in {f"{loops.MAJOR}:{number}" for number in found.values()}:
            link.unlink()
    with open(folder.shown / "partitions", "w") as file:
        file.write("\n".join(lines) + "\n")


def _describe(path: Path, device: str, number: int, size: int) -> None:
    number_text = f"{loops.MAJOR}:{number}"
    files = {"dev": number_text, "size": size // 512, "ro": 0, "removable": 0, "hidden": 0, "alignment_offset": 0}
    files |= {"uevent": f"MAJOR={loops.MAJOR}\nMINOR={number}\nDEVNAME={device}\nDEVTYPE=disk", "stat": "0 " * 17}
    sizes = {"logical_block_size": 512, "physical_block_size": 512, "hw_sector_size": 512, "minimum_io_size": 512}
    queue = {**sizes, "optimal_io_size": 0, "rotational": 0, "scheduler": "none", "nr_requests": 128, "zoned": "none"}
    # Everybody in the guest may read them, whatever the umask of the process that writes them.
    for folder in (path, path / "queue", path / "holders", path / "slaves"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    for name, value in [*files.items(), *((f"queue/{name}", value) for name, value in queue.items())]:
        (path / name).write_text(f"{value}\n")
        (path / name).chmod(0o644)


def remove(path: Path) -> None:
    """A file or folder with all that is in it, never what is mounted there; harmless when it is gone."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    if os.path.ismount(path):
        raise OSError(f"something is still mounted at {path}")
    for inner in list(path.iterdir()):
        remove(inner)
    path.rmdir()
