"""What a device is called where."""


def guest_name(device: str) -> str:
    """'/dev/sdf' is xvdf in the guest, as on AWS's Xen instances (User Guide, "Device names for volumes")."""
    name = device.removeprefix("/dev/")
    return f"xvd{name[2:]}" if name.startswith("sd") else name
