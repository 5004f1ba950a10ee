"""Configuration, and the only place for it: options of the command line, environment variables, defaults.

Every setting can be given as `PILEUS_<NAME>`; `pileus up --help` lists them. Options win over the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

DEFAULT_PORT = 4566  # LocalStack's
CHOICES = {
    "store": ("rocks", "sqlite", "memory"),
    "durability": ("process", "full"),
    "machines": ("auto", "off"),
    "internet": ("off", "host"),
    "log_level": ("debug", "info", "warning", "error", "critical"),
}


def default_data_dir(environ: Mapping[str, str] = os.environ) -> Path:
    """XDG Base Directory Specification: user data lives under $XDG_DATA_HOME, else ~/.local/share."""
    base = environ.get("XDG_DATA_HOME") or ""
    return (Path(base) if base.startswith("/") else Path.home() / ".local" / "share") / "pileus"


@dataclass(frozen=True)
class Settings:
    """`data_dir`: where all state lives. `store`: rocks, sqlite or memory. `durability`: process (survives kill -9) or
    full (survives power loss). `blobs`: where large objects' bytes lie: files (in data_dir), or s3://bucket/prefix at
    another S3. `secure`: no conveniences, root keys of its own. `https_port`: 0 for none. `init_dir`:
    where ready.d is, beside the data directory's own `init`. `cors_origins`: web pages of other machines that may use
    this cloud, separated by commas. `machines`: auto (where the host can), or off. `images_dir`: where built machine
    images are cached, for all clouds of the host. `disk_gib`: how large the pool of all disks may grow.
    `unknown_images`: the machine image that AMI ids of AWS's own stand for ('debian-12'), empty for none.
    `zone_latency_ms`: how long a packet takes from one zone to another. `internet`: off, or host: machines reach the
    world beyond this host, through it."""

    data_dir: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    https_port: int = 0
    store: str = "rocks"
    durability: str = "process"
    blobs: str = "files"
    secure: bool = False
    init_dir: str = ""
    cors_origins: tuple[str, ...] = ()
    machines: str = "auto"
    images_dir: Path = Path("/var/cache/pileus/images")
    disk_gib: int = 200
    unknown_images: str = ""
    zone_latency_ms: float = 0.0
    internet: str = "off"
    log_level: str = "info"

    @property
    def on_loopback(self) -> bool:
        """Whether only this machine can reach the cloud."""
        return self.host in ("localhost", "::1") or self.host.startswith("127.")


def load(options: Mapping[str, Any] | None = None, environ: Mapping[str, str] = os.environ) -> Settings:
    """Raises ValueError, saying which setting is wrong, for a value that cannot be read."""
    values: dict[str, Any] = {"data_dir": default_data_dir(environ)}
    for field in fields(Settings):
        text = environ.get(f"PILEUS_{field.name.upper()}")
        if text:
            values[field.name] = _read(field.name, text)
    values.update({name: value for name, value in (options or {}).items() if value is not None})
    values["data_dir"] = Path(values["data_dir"]).expanduser().absolute()
    if "images_dir" in values:
        values["images_dir"] = Path(values["images_dir"]).expanduser().absolute()
    return Settings(**values)


def _read(name: str, text: str) -> Any:
    if name in ("port", "https_port"):
        if not text.isdigit() or int(text) > 65535:
            raise ValueError(f"PILEUS_{name.upper()} is a port number, not {text!r}")
        return int(text)
    if name == "secure":
        if text.lower() not in ("0", "1", "true", "false", "yes", "no", ""):
            raise ValueError(f"PILEUS_{name.upper()} is 0 or 1, not {text!r}")
        return text.lower() in ("1", "true", "yes")
    if name == "cors_origins":
        return tuple(origin.strip() for origin in text.split(",") if origin.strip())
    if name in CHOICES and text not in CHOICES[name]:
        raise ValueError(f"PILEUS_{name.upper()} is one of {', '.join(CHOICES[name])}, not {text!r}")
    if name == "disk_gib":
        if not text.isdigit() or not 1 <= int(text) <= 1_000_000:
            raise ValueError(f"PILEUS_DISK_GIB is a number of GiB, not {text!r}")
        return int(text)
    if name == "zone_latency_ms":
        return _milliseconds(text)
    return Path(text) if name in ("data_dir", "images_dir") else text


def _milliseconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0.0 <= value <= 10_000.0:
        raise ValueError(f"PILEUS_ZONE_LATENCY_MS is a number of milliseconds, not {text!r}")
    return value
